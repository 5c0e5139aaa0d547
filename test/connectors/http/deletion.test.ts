import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Deferral } from '../../../connectors/connector.ts';
import { type Api, attested, done, each, findEach, later, path, verifyAgain } from '../../../connectors/http/index.ts';
import type { AnyHttpSettings } from '../../../connectors/http/settings.ts';
import { startFaultyServer } from '../../support/servers/faulty.ts';
import { batchOf, openAt, settingsAt, type TestContext, testContext, testDeletion } from './fixture.ts';

const server = await startFaultyServer();
let context: TestContext;
beforeEach(() => {
  server.clear();
  server.reply = () => ({ status: 200, json: {} });
  context = testContext();
});
afterAll(() => server.close());

const open = (changes: Partial<AnyHttpSettings>) => openAt(settingsAt(server.url, changes));

describe('a range', () => {
  test('has the people of one call and is finished after it', async () => {
    const seen: unknown[] = [];
    const connector = open({
      erase: async (_, people) => void seen.push(people.map(({ seq, ids }) => [seq, ids['user_id']])),
    });
    const deletion = testDeletion();
    expect(await connector.hardDelete(batchOf(3), deletion, context)).toEqual({ done: true });
    expect(seen).toEqual([
      [
        [1, ['u-1']],
        [2, ['u-2']],
      ],
      [[3, ['u-3']]],
    ]);
    expect(deletion.ranges).toEqual([
      {
        firstSeq: 1,
        lastSeq: 2,
        part: 0,
        retained: [],
        tables: [{ table: 'records', removed: null, requested: 2, retained: [] }],
      },
      {
        firstSeq: 3,
        lastSeq: 3,
        part: 0,
        retained: [],
        tables: [{ table: 'records', removed: null, requested: 1, retained: [] }],
      },
    ]);
    await connector.hardDelete(batchOf(3), deletion, context);
    expect(seen).toHaveLength(2);
  });

  test('has the same bounds when a later call leaves out subjects', async () => {
    const deletion = testDeletion();
    const connector = open({});
    await connector.hardDelete(batchOf(4, context, { except: [1] }), deletion, context);
    await connector.hardDelete(batchOf(4), deletion, context);
    expect(deletion.ranges.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('leaves out people without an identity that the system knows', async () => {
    const seen: number[] = [];
    const connector = open({ erase: async (_, people) => void seen.push(...people.map(({ seq }) => seq)) });
    await connector.hardDelete(batchOf(2, context, { type: 'email' }), testDeletion(), context);
    expect(seen).toEqual([]);
  });

  test('calls for one person after the other, with the figures of the range', async () => {
    const seen: number[][] = [];
    const connector = open({
      kinds: { user: { identities: { user_id: {} }, batchSize: 2, at: 'each', table: 'profiles' } },
      erase: async (_, people) => {
        seen.push(people.map(({ seq }) => seq));
        return { removed: 2 };
      },
    });
    const deletion = testDeletion();
    await connector.hardDelete(batchOf(3), deletion, context);
    expect(seen).toEqual([[1], [2], [3]]);
    expect(deletion.ranges.flatMap(({ tables }) => tables)).toEqual([
      { table: 'profiles', removed: 4, retained: [] },
      { table: 'profiles', removed: 2, retained: [] },
    ]);
  });

  test('is refused before any call when its kind or scope is another one', async () => {
    const connector = open({ erase: async (api) => api.get(path`/x`) });
    await expect(
      connector.hardDelete(batchOf(1, context, { kind: 'company' }), testDeletion(), context),
    ).rejects.toMatchObject({ reason: 'unknown_kind' });
    await expect(connector.hardDelete(batchOf(1), testDeletion({ scope: 'sources' }), context)).rejects.toMatchObject({
      reason: 'unsupported_scope',
    });
    expect(server.calls).toEqual([]);
  });

  test('reports rows of a part deletion as cleared and not as removed', async () => {
    const connector = open({ scopes: ['data', 'categories'], erase: async () => ({ removed: 2 }) });
    const deletion = testDeletion({ scope: 'categories' });
    await connector.hardDelete(batchOf(1), deletion, context);
    expect(deletion.ranges[0]?.tables).toEqual([{ table: 'records', removed: 0, blanked: 2, retained: [] }]);
  });

  test('stays open while a subject is blocked, and reports the others once', async () => {
    let blocked: readonly number[] = [2];
    const connector = open({ erase: async (_, people) => ({ removed: people.length - blocked.length, blocked }) });
    const deletion = testDeletion();
    expect(await connector.hardDelete(batchOf(2), deletion, context)).toEqual({
      done: true,
      blocked: [{ seq: 2, table: null, constraint: null }],
    });
    blocked = [];
    await connector.hardDelete(batchOf(2), deletion, context);
    expect(deletion.ranges.map(({ part }) => part)).toEqual([1, 0]);
  });

  test('adds a suppression for everyone before it is finished, if the request asks for one', async () => {
    const suppressed: unknown[] = [];
    const connector = open({
      suppress: async (_, people, __, about) => suppressed.push([people.length, about.suppressed]),
    });
    await connector.hardDelete(batchOf(2), testDeletion(), context);
    expect(suppressed).toEqual([]);
    await connector.hardDelete(batchOf(2), testDeletion({ suppress: true }), context);
    expect(suppressed).toEqual([[2, true]]);
  });

  test('takes slots of the lane for reading when it looks up, asks or inspects, and of the other one otherwise', async () => {
    const call: (api: Api) => Promise<unknown> = (api) => api.get(path`/x`);
    const connector = open({
      pace: { erase: [{ perDay: 9 }], read: [{ perDay: 9 }] },
      check: call,
      find: (api, people) => findEach(people, async () => [String((await api.get(path`/x`)).status)]),
      erase: async (api) => (await call(api), later('t', '1 hour')),
      ask: async (api) => (await call(api), done()),
      suppress: call,
    });
    const deletion = testDeletion({ suppress: true });
    await connector.hardDelete(batchOf(1, context), deletion, context);
    const at = new Date(deletion.at.getTime() + 7_200_000);
    await connector.hardDelete(batchOf(1, context), { ...deletion, at }, context);
    await connector.inspect({ context });
    expect(context.slots).toEqual(['read', 'erase', 'read', 'erase', 'read']);
    await connector.inspect();
    expect(context.slots).toHaveLength(5);
  });

  test('lets a deferral of the lane through with the ranges that are done', async () => {
    const deferral = new Deferral(new Date());
    context.waitForSlot = () => (server.calls.length === 1 ? Promise.reject(deferral) : Promise.resolve());
    const connector = open({ pace: [{ perDay: 1 }], erase: (api) => api.delete(path`/x`) });
    const deletion = testDeletion();
    await expect(connector.hardDelete(batchOf(3), deletion, context)).rejects.toBe(deferral);
    expect(deletion.ranges.map(({ firstSeq }) => firstSeq)).toEqual([1]);
  });
});

describe('a look-up', () => {
  const lookups: number[] = [];
  beforeEach(() => void lookups.splice(0));
  /** The system knows odd subjects by `c_…`. */
  const find: AnyHttpSettings['find'] = (_, people) =>
    findEach(people, async ({ seq }) => {
      lookups.push(seq);
      return seq % 2 === 1 ? [`c_${seq}`, `c_${seq}`] : [];
    });

  test('is kept before the deletion, which is asked for found people only', async () => {
    const seen: unknown[] = [];
    const connector = open({
      find,
      erase: async (_, people, found) =>
        void seen.push([people.map(({ seq }) => seq), [...found], context.foreignIds.size]),
    });
    const deletion = testDeletion();
    await connector.hardDelete(batchOf(4, context), deletion, context);
    expect(seen).toEqual([
      [[1], ['c_1'], 1],
      [[3], ['c_3'], 2],
    ]);
    expect(deletion.ranges.flatMap(({ tables }) => tables.map(({ requested }) => requested))).toEqual([1, 1]);
  });

  test('is not repeated by a verification, nor by the next pass for found people', async () => {
    const left: unknown[] = [];
    const connector = open({ find, left: async (_, __, found) => (left.push([...found]), found.seqs) });
    await connector.hardDelete(batchOf(3, context), testDeletion(), context);
    expect(lookups).toEqual([1, 2, 3]);
    expect(await connector.verify?.(batchOf(3, context), 'data', context)).toEqual({
      survivors: 2,
      tables: { records: 2 },
    });
    await connector.hardDelete(batchOf(3, context), testDeletion({ pass: 2 }), context);
    expect(lookups).toEqual([1, 2, 3, 2]);
    expect(left).toEqual([['c_1'], ['c_3']]);
  });

  test('ends the range without a call and with nothing removed when it finds nothing', async () => {
    const connector = open({ find, erase: (api) => api.delete(path`/x`) });
    const deletion = testDeletion();
    await connector.hardDelete(batchOf({ 2: ['u-2'] }, context), deletion, context);
    expect(server.calls).toEqual([]);
    expect(deletion.ranges.flatMap(({ tables }) => tables)).toEqual([{ table: 'records', removed: 0, retained: [] }]);
  });

  test.each([[[{ seq: 9, ids: ['c'] }]], [[{ seq: 1, ids: [''] }]], [[{ seq: 1, ids: [undefined] }]], [null]])(
    'is refused and deletes nothing when it answers %j',
    async (answer) => {
      const connector = open({ find: async () => answer as never, erase: (api) => api.delete(path`/x`) });
      await expect(connector.hardDelete(batchOf(1, context), testDeletion(), context)).rejects.toMatchObject({
        reason: 'invalid_result',
      });
      expect(server.calls).toEqual([]);
      expect(context.foreignIds.size).toBe(0);
    },
  );

  test('gives the next pass the ids that a verification finds', async () => {
    const seen: unknown[] = [];
    const connector = open({
      find,
      left: async () => [{ seq: 1, ids: ['c_new'] }],
      erase: async (_, __, found) => void seen.push([...found]),
    });
    await connector.hardDelete(batchOf(1, context), testDeletion(), context);
    await connector.verify?.(batchOf(1, context), 'data', context);
    await connector.hardDelete(batchOf(1, context), testDeletion({ pass: 2 }), context);
    expect(seen).toEqual([['c_1'], ['c_1', 'c_new']]);
  });
});

describe('a verification', () => {
  test('says what was read and what is only attested', async () => {
    const connector = open({
      left: async (_, people) =>
        attested(
          ['events'],
          people.map(({ seq }) => ({ seq, rows: 3 })),
        ),
    });
    expect(await connector.verify?.(batchOf(3), 'data', context)).toEqual({
      survivors: 9,
      tables: { records: 9 },
      attested: ['events'],
    });
  });

  test('waits for a system that acts later', async () => {
    const connector = open({ left: async () => verifyAgain('2 hours') });
    const at = new Date('2030-01-01T00:00:00Z');
    const result = await connector.verify?.(batchOf(3), 'data', { ...context, now: () => at });
    expect(result).toEqual({ verifyAgainAt: new Date('2030-01-01T02:00:00Z') });
  });

  test('does not exist without a function that reads', async () => {
    expect(open({}).verify).toBeUndefined();
    expect(open({}).count).toBeUndefined();
    expect(open({}).export).toBeUndefined();
    expect(open({}).setVisibility).toBeUndefined();
    expect(open({}).setSuppression).toBeUndefined();
  });
});

test('counts, hides, restores and suppresses with what was found', async () => {
  const changed: unknown[] = [];
  const record =
    (name: string) => async (_: unknown, people: readonly { readonly seq: number }[], found: Iterable<string>) =>
      changed.push([name, people.map(({ seq }) => seq), [...found]]);
  const connector = open({
    find: (_, people) => findEach(people, async ({ seq }) => [`c_${seq}`]),
    count: async (_, people) => each(people, ({ seq }) => ({ seq, rows: seq === 1 ? 0 : 2 })),
    hide: record('hide'),
    restore: record('restore'),
    suppress: record('suppress'),
  });
  const change = { generation: 1, at: new Date() };
  expect(await connector.count?.(batchOf(3, context), 'data', context)).toEqual({
    tables: { records: 4 },
    presentSeqs: [2, 3],
  });
  await connector.setVisibility?.(batchOf(1, context), { ...change, hidden: true }, context);
  await connector.setVisibility?.(batchOf(1, context), { ...change, hidden: false }, context);
  await connector.setSuppression?.(batchOf(1, context), true, context);
  expect(changed).toEqual([
    ['hide', [1], ['c_1']],
    ['restore', [1], ['c_1']],
    ['suppress', [1], ['c_1']],
  ]);
});
