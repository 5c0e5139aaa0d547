import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderStorage } from '../../archives/storage/folder.ts';
import { readPart, writePart } from '../../archives/part.ts';
import type { Part } from '../../domain/archive.ts';
import { archiveFolder } from '../support/archives.ts';
import { type Packing, QUIET, collect, column, lines, packing, table, whole } from './packing.ts';

const folder = archiveFolder();
let place: Packing;
beforeEach(async () => {
  place = await packing(folderStorage(folder));
});

const TEXT = lines({ id: 1, note: 'canary of Ann' }, { id: 2, note: 'a\nb' });
const damaged = expect.objectContaining({ name: 'StorageError', code: 'damaged' });
const one = async (...args: Parameters<typeof table>): Promise<Part> => {
  const [part] = await collect(place, [table(...args)]);
  if (part === undefined) throw new Error('there is a part');
  return part;
};
const read = (part: Part, format: 'ndjson' | 'csv' = 'ndjson'): Promise<Buffer> =>
  whole(readPart(place.storage, place.key, part, format));

test('a table comes back as it was, and its facts are those of its rows', async () => {
  const columns = [column('id', { meaning: 'A number.', source: true })];
  const part = await one('app.notes', TEXT, { meaning: 'Notes.', retained: 'tax law', windowed: true, columns });
  expect(part.facts).toEqual({
    table: 'app.notes',
    meaning: 'Notes.',
    columns,
    windowed: true,
    retained: 'tax law',
    rows: 2,
    bytes: Buffer.byteLength(TEXT),
    sha256: createHash('sha256').update(TEXT).digest('hex'),
  });
  expect((await read(part)).toString()).toBe(TEXT);
});

test('in the storage stands no value, and no name of a table or a column', async () => {
  await one('app.notes', TEXT.repeat(5_000), { count: 10_000 });
  const names = readdirSync(join(folder, place.requestId));
  expect(names).toHaveLength(1);
  for (const name of names) {
    const stored = readFileSync(join(folder, place.requestId, name), 'latin1');
    for (const canary of ['canary', 'Ann', 'notes', 'note']) expect(stored).not.toContain(canary);
    // Compressed before it was encrypted: afterwards it could not be.
    expect(stored.length).toBeLessThan(5_000);
  }
});

test('of categories, and of a table without rows, there is an object as of any other', async () => {
  const part = await one('app.notes', '', { figures: () => ({ rows: 7, bytes: 0 }) });
  expect(part.facts).toMatchObject({ rows: 7, bytes: 0, sha256: createHash('sha256').digest('hex') });
  expect(await read(part)).toHaveLength(0);
});

test.each<[string, Partial<Part['facts']>]>([
  ['the checksum', { sha256: 'f'.repeat(64) }],
  ['the length', { bytes: TEXT.length + 1 }],
  ['the count of rows', { rows: 3 }],
])('a part is refused of which %s was another when it was collected', async (_what, other) => {
  const part = await one('app.notes', TEXT);
  await expect(read({ ...part, facts: { ...part.facts, ...other } })).rejects.toEqual(damaged);
});

test('a part is refused that stands in the place of another', async () => {
  const [first, second] = [await one('app.notes', TEXT), await one('app.notes', TEXT.replace('Ann', 'Bob'))];
  await expect(read({ ...first, object: second.object })).rejects.toEqual(damaged);
});

test('rows of CSV are counted as a spreadsheet sees them', async () => {
  const csv = 'id,note\n1,"a\nb"\n2,"say ""x""\n"\n3,\n';
  const part = await one('app.notes', csv, { count: 3 });
  expect((await read(part, 'csv')).toString()).toBe(csv);
  await expect(read({ ...part, facts: { ...part.facts, rows: 4 } }, 'csv')).rejects.toEqual(damaged);
});

test('progress is told as it goes, and the rows at the end', async () => {
  const told: [number | null, number][] = [];
  const rows = async function* (): AsyncGenerator<Buffer> {
    for (let piece = 0; piece < 3; piece += 1) yield Buffer.from(`${'x'.repeat(99_999)}\n`);
  };
  const big = table('app.notes', '', { rows: rows(), figures: () => ({ rows: 3, bytes: 300_000 }) });
  await writePart(place.storage, place.key, place.newName(), big, {
    ...QUIET,
    onProgress: (count, bytes) => told.push([count, bytes]),
  });
  expect(told).toEqual([
    [null, 100_000],
    [null, 200_000],
    [null, 300_000],
    [3, 300_000],
  ]);
});

test('of a table that breaks off nothing is left, and the reason is the system’s', async () => {
  const reason = new Error('the server went away');
  const rows = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(TEXT.repeat(9_000));
    throw reason;
  };
  await expect(one('app.notes', TEXT, { rows: rows() })).rejects.toBe(reason);
  expect(readdirSync(join(folder, place.requestId))).toEqual([]);
});

test('who is told to stop ends, closes what it reads, and leaves nothing', async () => {
  const stop = new AbortController();
  let closed = false;
  const rows = async function* (): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        yield Buffer.from(TEXT.repeat(2_000));
        if (!stop.signal.aborted) stop.abort(new Error('cancelled'));
      }
    } finally {
      closed = true;
    }
  };
  const endless = table('app.notes', '', { rows: rows() });
  const writing = writePart(place.storage, place.key, place.newName(), endless, { ...QUIET, signal: stop.signal });
  await expect(writing).rejects.toThrow(/cancelled|aborted/);
  await expect.poll(() => closed).toBe(true);
  await expect.poll(() => readdirSync(join(folder, place.requestId))).toEqual([]);
});

test('a connector that counts other bytes than it hands out is not believed', async () => {
  await expect(one('app.notes', TEXT, { figures: () => ({ rows: 2, bytes: 5 }) })).rejects.toThrow('app.notes');
});
