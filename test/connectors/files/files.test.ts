import { beforeEach, describe, expect, test } from 'vitest';
import type { FinishedRange, RangeKey, RangeTicket } from '../../../domain/batch.ts';
import type { Batch, Connector, HardDeletion } from '../../../connectors/connector.ts';
import { CREDENTIALS, s3Binary, s3Server } from '../../support/servers/s3-server.ts';
import { allText, batchOf, deletion, exportAll, testContext } from '../calls.ts';
import { type TestStore, person, testBucket, testFolder } from './stores.ts';

Object.assign(process.env, CREDENTIALS);
const binary = await s3Binary();
const server = binary === null ? null : await s3Server(binary);

const stores: [string, () => Promise<TestStore>][] = [['a folder', async () => testFolder()]];
if (server !== null) {
  stores.push(['a bucket', () => testBucket(server)]);
  stores.push(['a bucket with versions', () => testBucket(server, 'versions')]);
}

/** The rows of a deletion in the ledger, which stay when a worker is killed. */
function ledger(): { readonly ranges: FinishedRange[]; readonly tickets: RangeTicket[]; call(): HardDeletion } {
  const ranges: FinishedRange[] = [];
  const tickets: RangeTicket[] = [];
  const isFinished = ({ firstSeq, lastSeq, part }: RangeKey): boolean =>
    ranges.some((range) => range.firstSeq === firstSeq && range.lastSeq === lastSeq && range.part === part);
  return {
    ranges,
    tickets,
    call: () =>
      deletion({
        isFinished,
        tickets: [...tickets],
        keepTicket: async (range, ticket) => void tickets.push({ range, ticket, keptAt: new Date(0) }),
        onRangeFinished: async (range) => void ranges.push(range),
      }),
  };
}
const removedOf = (ranges: readonly FinishedRange[]): Record<string, number> => {
  const sum: Record<string, number> = {};
  for (const { tables } of ranges)
    for (const { table, removed } of tables) sum[table] = (sum[table] ?? 0) + (removed ?? 0);
  return sum;
};

describe.each(stores)('files in %s', (_name, createStore) => {
  let store: TestStore;
  let connector: Connector;
  beforeEach(async () => {
    store = await createStore();
    connector = store.connector();
    await store.put('avatars/u-1/photo.jpg', 'photo of 1');
    await store.put('avatars/u-1/old/first.jpg', 'first of 1');
    await store.put('by-mail/ann@x.test/a.txt', 'mail of 1');
    await store.put('invoices/u-1.pdf', 'invoice of 1');
    await store.put('avatars/u-10/photo.jpg', 'photo of 10');
    await store.put('avatars/u-1x/photo.jpg', 'photo of 1x');
    await store.put('invoices/u-1.pdf.bak', 'backup of another');
    await store.put('invoices/u-10.pdf', 'invoice of 10');
  });

  const ONE = person('u-1', 'Ann@x.test');
  const OTHERS = ['avatars/u-10/photo.jpg', 'avatars/u-1x/photo.jpg', 'invoices/u-1.pdf.bak', 'invoices/u-10.pdf'];
  const countOf = (batch: Batch) => connector.count?.(batch, 'data', testContext());
  const verifyOf = (batch: Batch) => connector.verify?.(batch, 'data', testContext());

  test('counts the objects of each subject without changes', async () => {
    const before = await store.keys();
    expect(await countOf(batchOf([person('u-2'), ONE]))).toEqual({
      tables: { avatars: 3, invoices: 1 },
      presentSeqs: [2],
    });
    expect(await store.keys()).toEqual(before);
    expect(await connector.inspect()).toEqual([]);
  });

  test('deletes exactly the objects of the batch, and does so idempotently', async () => {
    const [log, batch] = [ledger(), batchOf([ONE, person('u-2')])];
    expect(await connector.hardDelete(batch, log.call(), testContext())).toEqual({ done: true });
    expect(await store.keys()).toEqual(OTHERS);
    expect(log.ranges).toEqual([
      {
        firstSeq: 1,
        lastSeq: 2,
        part: 0,
        tables: [
          { table: 'avatars', removed: 3, retained: [] },
          { table: 'invoices', removed: 1, retained: [] },
        ],
        retained: [],
      },
    ]);
    expect(await verifyOf(batch)).toEqual({ survivors: 0, tables: { avatars: 0, invoices: 0 } });
    expect(await connector.hardDelete(batch, log.call(), testContext())).toEqual({ done: true });
    expect(log.ranges).toHaveLength(1);
    expect(await store.keys()).toEqual(OTHERS);
  });

  test.each(['..', '.', '../u-10', 'u-10/..', '/', '', 'u-1\u0000'])(
    'blocks a subject whose identity is %j and deletes nothing for it',
    async (id) => {
      const before = await store.keys();
      const [log, batch] = [ledger(), batchOf([person(id)])];
      const obstacle = { seq: 1, table: 'avatars', constraint: 'identity_without_key' };
      expect(await connector.hardDelete(batch, log.call(), testContext())).toEqual({ done: true, blocked: [obstacle] });
      expect(log.ranges).toEqual([]);
      expect(await store.keys()).toEqual(before);
      expect((await countOf(batch))?.presentSeqs).toEqual([1]);
      expect(await verifyOf(batch)).toEqual({ unknown: 'identity_without_key' });
      await expect(exportAll(connector, batch)).rejects.toMatchObject({ code: 'refused', retryable: false });
    },
  );

  test('deletes the other subjects of a range with a blocked one, and only the blocked one later', async () => {
    const [log, batch] = [ledger(), batchOf([person('u-10'), person('..'), ONE])];
    const deleted = await connector.hardDelete(batch, log.call(), testContext());
    expect(deleted).toMatchObject({ blocked: [{ seq: 2 }] });
    expect(await store.keys()).toEqual(['avatars/u-1x/photo.jpg', 'invoices/u-1.pdf.bak']);
    expect(log.ranges.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 1],
      [3, 3],
    ]);
    expect(removedOf(log.ranges)).toEqual({ avatars: 4, invoices: 2 });
    await connector.hardDelete(batch, log.call(), testContext());
    expect(log.ranges).toHaveLength(2);
  });

  test('leaves out a subject that the call excepts, in ranges that a later call continues', async () => {
    const [log, batch] = [ledger(), batchOf([ONE, person('u-10'), person('u-1x'), person('u-3')])];
    const except: Batch = {
      ...batch,
      except: [1],
      identities: async function* () {
        for await (const page of batch.identities()) yield page.filter(({ seq }) => seq !== 1);
      },
    };
    await connector.hardDelete(except, log.call(), testContext());
    expect(await store.keys()).toEqual([
      'avatars/u-1/old/first.jpg',
      'avatars/u-1/photo.jpg',
      'by-mail/ann@x.test/a.txt',
      'invoices/u-1.pdf',
      'invoices/u-1.pdf.bak',
    ]);
    await connector.hardDelete(batch, log.call(), testContext());
    expect(await store.keys()).toEqual(['invoices/u-1.pdf.bak']);
    expect(log.ranges.map(({ firstSeq, lastSeq }) => `${firstSeq}-${lastSeq}`)).toEqual(['2-2', '3-3', '4-4', '1-1']);
    expect(removedOf(log.ranges)).toEqual({ avatars: 5, invoices: 2 });
  });

  test('reports the same figures when a call ends between the deletion and its report', async () => {
    const [log, batch] = [ledger(), batchOf([ONE, person('u-10')])];
    const killed = { ...log.call(), onRangeFinished: () => Promise.reject(new Error('killed')) };
    await expect(connector.hardDelete(batch, killed, testContext())).rejects.toThrow('killed');
    expect(log.ranges).toEqual([]);
    expect(await store.keys()).not.toContain('invoices/u-1.pdf');
    expect(log.tickets).toHaveLength(1);
    expect(log.tickets[0]?.ticket).not.toMatch(/u-1|ann@x/);
    await store.put('avatars/u-1/late.jpg');
    await connector.hardDelete(batch, log.call(), testContext());
    expect(removedOf(log.ranges)).toEqual({ avatars: 4, invoices: 2 });
    expect(log.tickets).toHaveLength(1);
    expect(await verifyOf(batch)).toMatchObject({ survivors: 0 });
  });

  test('deletes nothing when a call ends before its ticket is kept, or is cancelled before it begins', async () => {
    const before = await store.keys();
    const killed = { ...ledger().call(), keepTicket: () => Promise.reject(new Error('killed')) };
    await expect(connector.hardDelete(batchOf([ONE]), killed, testContext())).rejects.toThrow('killed');
    const reason = new Error('the activity was cancelled');
    const cancelled = testContext(AbortSignal.abort(reason));
    await expect(connector.hardDelete(batchOf([ONE]), deletion(), cancelled)).rejects.toBe(reason);
    await expect(exportAll(connector, batchOf([ONE]), {}, cancelled)).rejects.toBe(reason);
    expect(await store.keys()).toEqual(before);
  });

  test('finds an object that arrives after the deletion and deletes it in a second pass', async () => {
    const batch = batchOf([ONE]);
    await connector.hardDelete(batch, ledger().call(), testContext());
    await store.put('avatars/u-1/late.jpg');
    expect(await verifyOf(batch)).toMatchObject({ survivors: 1, tables: { avatars: 1 } });
    const second = ledger();
    await connector.hardDelete(batch, { ...second.call(), pass: 2 }, testContext());
    expect(removedOf(second.ranges)).toEqual({ avatars: 1, invoices: 0 });
    expect(await verifyOf(batch)).toMatchObject({ survivors: 0 });
  });

  test('exports each object of the batch whole as a file, without changes', async () => {
    const large = Buffer.alloc(300_000, 'large ');
    await store.put('avatars/u-1/large.bin', large);
    await store.put('avatars/u-1/empty', '');
    const before = await store.keys();
    const got = await exportAll(connector, batchOf([ONE]));
    const avatars = got.get('avatars');
    expect(avatars?.table).toMatchObject({ hasFiles: true, meaning: 'Your pictures', windowed: false });
    expect(avatars?.figures.rows).toBe(5);
    expect(got.get('invoices')?.figures.rows).toBe(1);
    const files = new Map<string, Buffer>();
    let path = '';
    for (const { file, bytes, owners } of avatars?.blocks ?? []) {
      path = file?.path ?? path;
      files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), bytes]));
      expect(owners).toEqual([1]);
      expect(bytes.length).toBeLessThan(1 << 18);
    }
    expect([...files.keys()].toSorted()).toEqual(['a.txt', 'empty', 'large.bin', 'old/first.jpg', 'photo.jpg']);
    expect(files.get('large.bin')?.equals(large)).toBe(true);
    expect(files.get('photo.jpg')?.toString()).toBe('photo of 1');
    expect(allText(got)).not.toMatch(/of 10|of 1x|another/);
    expect(await store.keys()).toEqual(before);
  });

  test('exports categories as counts, and nothing that says how data was collected', async () => {
    const got = await exportAll(connector, batchOf([ONE]), { scope: 'categories' });
    expect(
      [...got.values()].map(({ table, figures, text }) => [table.table, table.columns[0]?.filled, figures.rows, text]),
    ).toEqual([
      ['avatars', 3, 3, ''],
      ['invoices', 1, 1, ''],
    ]);
    expect((await exportAll(connector, batchOf([person('u-2')]), { scope: 'categories' })).size).toBe(0);
    expect((await exportAll(connector, batchOf([ONE]), { scope: 'sources' })).size).toBe(0);
  });

  test('leaves objects that are older than the window out of an export', async () => {
    const since = new Date(Date.now() + 60_000);
    const got = await exportAll(connector, batchOf([ONE]), { since });
    expect(got.get('avatars')).toMatchObject({ figures: { rows: 0, bytes: 0 }, table: { windowed: true } });
  });
});
