import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderStorage } from '../../archives/storage/folder.ts';
import { decrypt } from '../../archives/encryption.ts';
import { PartReader, writePart } from '../../archives/part.ts';
import { SubjectKeys } from '../../archives/subject-keys.ts';
import type { Part } from '../../domain/archive.ts';
import { archiveFolder } from '../support/archives.ts';
import type { OwnedRows } from '../../connectors/connector.ts';
import {
  type PackingContext,
  NO_PROGRESS,
  collect,
  column,
  lines,
  packingContext,
  readAll,
  subjectKeys,
  table,
} from './packing.ts';

const folder = archiveFolder();
let context: PackingContext;
beforeEach(async () => {
  context = await packingContext(folderStorage(folder));
});

const TEXT = lines({ id: 1, note: 'canary of Ann' }, { id: 2, note: 'a\nb' });
const damaged = expect.objectContaining({ name: 'StorageError', code: 'damaged' });
const collectPart = async (...args: Parameters<typeof table>): Promise<Part> => {
  const [part] = await collect(context, [table(...args)]);
  if (part === undefined) throw new Error('expected one part');
  return part;
};
async function read({ object, facts }: Part, keys = context.keys): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const { raw } of new PartReader(context.storage, keys, object, facts).blocks()) blocks.push(raw);
  return Buffer.concat(blocks);
}

test('returns a table unchanged and records its facts', async () => {
  const columns = [column('id', { meaning: 'ID', source: true })];
  const part = await collectPart('app.notes', TEXT, {
    meaning: 'Notes.',
    retained: 'tax law',
    anonymised: ['note'],
    windowed: true,
    columns,
  });
  expect(part.facts).toEqual({
    table: 'app.notes',
    meaning: 'Notes.',
    columns,
    windowed: true,
    retained: 'tax law',
    anonymised: ['note'],
    rows: 2,
    bytes: Buffer.byteLength(TEXT),
    sha256: createHash('sha256').update(TEXT).digest('hex'),
  });
  expect((await read(part)).toString()).toBe(TEXT);
});

test('stores neither values nor names of tables and columns in plain text', async () => {
  await collectPart('app.notes', TEXT.repeat(5_000), { count: 10_000 });
  const names = readdirSync(join(folder, context.requestId));
  expect(names).toHaveLength(1);
  for (const name of names) {
    const stored = readFileSync(join(folder, context.requestId, name), 'latin1');
    for (const canary of ['canary', 'Ann', 'notes', 'note']) expect(stored).not.toContain(canary);
    // Encrypted data does not compress, so the size shows that compression comes first.
    expect(stored.length).toBeLessThan(5_000);
  }
});

test('writes an object for the scope `categories`, whose tables have no rows', async () => {
  const part = await collectPart('app.notes', '', { figures: () => ({ rows: 7, bytes: 0 }) });
  expect(part.facts).toMatchObject({ rows: 7, bytes: 0, sha256: createHash('sha256').digest('hex') });
  expect(await read(part)).toHaveLength(0);
});

test.each<[string, Partial<Part['facts']>]>([
  ['the checksum', { sha256: 'f'.repeat(64) }],
  ['the length', { bytes: TEXT.length + 1 }],
  ['the row count', { rows: 3 }],
])('throws `damaged` when %s differs from the collected part', async (_what, other) => {
  const part = await collectPart('app.notes', TEXT);
  await expect(read({ ...part, facts: { ...part.facts, ...other } })).rejects.toEqual(damaged);
});

test('throws `damaged` when a part is replaced by another one', async () => {
  const [first, second] = [
    await collectPart('app.notes', TEXT),
    await collectPart('app.notes', TEXT.replace('Ann', 'Bob')),
  ];
  await expect(read({ ...first, object: second.object })).rejects.toEqual(damaged);
});

test('reports bytes during the transfer and rows at the end', async () => {
  const reports: [number | null, number][] = [];
  const rows = async function* (): AsyncGenerator<OwnedRows> {
    for (let piece = 0; piece < 3; piece += 1)
      yield { owners: [1], rows: 1, bytes: Buffer.from(`${'x'.repeat(99_999)}\n`) };
  };
  const big = table('app.notes', '', { rows: rows(), figures: () => ({ rows: 3, bytes: 300_000 }) });
  await writePart(context.storage, context.keys, context.newName(), big, {
    ...NO_PROGRESS,
    onProgress: (count, bytes) => reports.push([count, bytes]),
  });
  expect(reports).toEqual([
    [null, 100_000],
    [null, 200_000],
    [null, 300_000],
    [3, 300_000],
  ]);
});

test('stores nothing and passes on the error when a table fails', async () => {
  const reason = new Error('the server became unavailable');
  const rows = async function* (): AsyncGenerator<OwnedRows> {
    yield { owners: [1], rows: 18_000, bytes: Buffer.from(TEXT.repeat(9_000)) };
    throw reason;
  };
  await expect(collectPart('app.notes', TEXT, { rows: rows() })).rejects.toBe(reason);
  expect(readdirSync(join(folder, context.requestId))).toEqual([]);
});

test('stores nothing and closes the source when aborted', async () => {
  const stop = new AbortController();
  let closed = false;
  const rows = async function* (): AsyncGenerator<OwnedRows> {
    try {
      for (;;) {
        yield { owners: [1], rows: 4_000, bytes: Buffer.from(TEXT.repeat(2_000)) };
        if (!stop.signal.aborted) stop.abort(new Error('cancelled'));
      }
    } finally {
      closed = true;
    }
  };
  const endless = table('app.notes', '', { rows: rows() });
  const writing = writePart(context.storage, context.keys, context.newName(), endless, {
    ...NO_PROGRESS,
    signal: stop.signal,
  });
  await expect(writing).rejects.toThrow(/cancelled|aborted/);
  await expect.poll(() => closed).toBe(true);
  await expect.poll(() => readdirSync(join(folder, context.requestId))).toEqual([]);
});

test('rejects a table when the connector reports another number of bytes', async () => {
  await expect(collectPart('app.notes', TEXT, { figures: () => ({ rows: 2, bytes: 5 }) })).rejects.toThrow('app.notes');
});

/** Two rows of each of three subjects, one of which shares a row with another. */
const OWNED: readonly OwnedRows[] = [
  { owners: [], rows: 0, bytes: Buffer.from('id,note\n') },
  { owners: [1], rows: 2, bytes: Buffer.from(`1,canary of 1\n2,${'canary of 1 '.repeat(90)}\n`) },
  { owners: [1, 2], rows: 1, bytes: Buffer.from('3,canary of 1 and 2\n') },
  { owners: [2], rows: 1, bytes: Buffer.from('4,canary of 2\n') },
  { owners: [3], rows: 1, bytes: Buffer.from('5,canary of 3\n') },
];
const collectOwned = (): Promise<Part> => {
  const length = OWNED.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const rows = (async function* () {
    yield* OWNED;
  })();
  return collectPart('app.notes', '', { rows, figures: () => ({ rows: 5, bytes: length }) });
};

test.each([
  [
    [1, 2, 3],
    [0, 1, 2, 3, 4],
  ],
  [
    [2, 3],
    [0, 3, 4],
  ],
  [
    [1, 3],
    [0, 1, 4],
  ],
  [[3], [0, 4]],
  [[], [0]],
])('returns the rows that belong to subjects %j alone when the others have no key', async (seqs, blocks) => {
  const part = await collectOwned();
  const keys = { ...context.keys, subjects: subjectKeys(seqs) };
  expect(await read(part, keys)).toEqual(Buffer.concat(blocks.map((index) => OWNED[index]?.bytes ?? Buffer.alloc(0))));
});

test('stores the rows of a removed subject so that the key of the archive does not decrypt them', async () => {
  const part = await collectOwned();
  const stored = await readAll(decrypt(context.keys.key, context.storage.read(part.object)));
  expect(stored.toString('latin1')).toContain('id,note');
  expect(stored.toString('latin1')).not.toContain('canary');
  const other = { ...context.keys, subjects: new SubjectKeys([1, 2, 3].map((seq) => ({ seq, key: randomBytes(32) }))) };
  await expect(read(part, other)).rejects.toEqual(damaged);
});

test('throws `damaged` when frames are missing, also if their subject is removed', async () => {
  const part = await collectOwned();
  const keys = { ...context.keys, subjects: subjectKeys([2, 3]) };
  const facts = { ...part.facts, rows: part.facts.rows + 1 };
  await expect(read({ ...part, facts }, keys)).rejects.toEqual(damaged);
});
