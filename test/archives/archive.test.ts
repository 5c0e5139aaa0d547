import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { readArchive, writeArchive } from '../../archives/archive.ts';
import { folderStorage } from '../../archives/storage/folder.ts';
import { archiveFolder } from '../support/archives.ts';
import {
  type Packing,
  QUIET,
  collect,
  column,
  contents,
  lines,
  pack,
  packing,
  table,
  unzipTest,
  whole,
} from './packing.ts';

const folder = archiveFolder();
let place: Packing;
beforeEach(async () => {
  place = await packing(folderStorage(folder));
});

const USERS = lines({ id: 'u-1', note: 'Ann' });
const EVENTS = lines({ id: 1 }, { id: 2 });
const two = () => collect(place, [table('app.users', USERS), table('app.events', EVENTS)]);
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const inStorage = (): readonly string[] => readdirSync(join(folder, place.requestId));

test('an archive holds the page, the manifest and a file for each table, byte by byte as collected', async () => {
  const { files, text, zip } = await pack(place, contents(await two()));
  expect([...files.keys()]).toEqual([
    'index.html',
    'manifest.json',
    'data/app/app.users.ndjson',
    'data/app/app.events.ndjson',
  ]);
  expect(text('data/app/app.users.ndjson')).toBe(USERS);
  expect(text('data/app/app.events.ndjson')).toBe(EVENTS);
  expect([0, null]).toContain(unzipTest(zip));
});

test('length and checksum are those of the file that is downloaded, and the storage holds no byte of it in clear', async () => {
  const packed = await pack(place, contents(await two()));
  expect(packed.bytes).toBe(packed.zip.length);
  expect(packed.sha256).toBe(sha256(packed.zip));
  for (const name of inStorage()) {
    const stored = readFileSync(join(folder, place.requestId, name), 'latin1');
    for (const canary of ['PK\u0003\u0004', 'index.html', 'app.users', 'Ann']) expect(stored).not.toContain(canary);
  }
});

test('the manifest says of each file what it holds, and of none whose it is', async () => {
  const since = new Date('2025-03-01T08:00:00Z');
  const columns = [column('id', { meaning: 'A number.' }), column('note', { source: true })];
  const parts = await collect(place, [
    table('app.users', USERS, { meaning: 'Who you are.', columns, retained: 'tax law', windowed: true }),
  ]);
  const systems = [
    { system: 'app', cutOffAt: new Date('2026-03-01T08:00:05Z') },
    { system: 'mixpanel', cutOffAt: null },
  ];
  const { text, manifest } = await pack(place, contents(parts, { regulation: 'ccpa', since }, { systems }));
  expect(JSON.parse(text('manifest.json'))).toEqual(manifest);
  expect(manifest).toEqual({
    requestId: `req_${'7'.repeat(32)}`,
    kind: 'export',
    project: 'demo',
    subjectKind: 'user',
    regulation: 'ccpa',
    scope: 'data',
    format: 'ndjson',
    csv: null,
    receivedAt: '2026-03-01T08:00:00.000Z',
    packagedAt: '2026-03-01T08:01:00.000Z',
    since: '2025-03-01T08:00:00.000Z',
    subjects: 1,
    systems: [{ system: 'app', cutOffAt: '2026-03-01T08:00:05.000Z' }],
    notIncluded: ['mixpanel'],
    files: [
      {
        system: 'app',
        path: 'data/app/app.users.ndjson',
        table: 'app.users',
        meaning: 'Who you are.',
        columns,
        windowed: true,
        retained: 'tax law',
        rows: 1,
        bytes: USERS.length,
        sha256: sha256(USERS),
      },
    ],
  });
  for (const value of ['Ann', 'u-1']) expect(text('manifest.json')).not.toContain(value);
});

test('of categories there are the page and the manifest, and no file of a table', async () => {
  const columns = [column('note', { filled: 3 })];
  const parts = await collect(place, [table('app.users', '', { columns, figures: () => ({ rows: 3, bytes: 0 }) })]);
  const { files, manifest } = await pack(place, contents(parts, { scope: 'categories' }));
  expect([...files.keys()]).toEqual(['index.html', 'manifest.json']);
  expect(manifest.files).toMatchObject([{ path: null, rows: 3, columns }]);
});

test('packed again, the same contents are the same bytes, in any time zone', async () => {
  const parts = await two();
  const at = process.env['TZ'];
  const sums = new Set<string>();
  for (const zone of ['UTC', 'Asia/Kathmandu', 'America/Los_Angeles', 'UTC']) {
    process.env['TZ'] = zone;
    sums.add((await pack(place, contents(parts))).sha256);
  }
  if (at === undefined) delete process.env['TZ'];
  else process.env['TZ'] = at;
  expect(sums.size).toBe(1);
});

describe('nothing is packed', () => {
  const packs = async (of: ReturnType<typeof contents>) => {
    const name = place.newName();
    const writing = writeArchive(place.storage, place.key, name, of, QUIET.signal);
    await expect(writing).rejects.toMatchObject({ name: 'StorageError' });
    expect(inStorage()).not.toContain(name.split('/')[1]);
    await expect(whole(readArchive(place.storage, place.key, name))).rejects.toMatchObject({ code: 'missing' });
    return writing.catch((error: unknown) => error);
  };

  test('when a part is another than the one that was collected', async () => {
    const [users, events] = await two();
    if (users === undefined || events === undefined) throw new Error('there are two');
    const swapped = [users, { ...events, object: users.object }];
    expect(await packs(contents(swapped))).toMatchObject({ code: 'damaged' });
  });

  test.each([1, 2])('when part %i is damaged in the storage', async (number) => {
    const parts = await two();
    const object = parts[number - 1]?.object ?? '';
    const stored = readFileSync(join(folder, object));
    stored[stored.length - 20] = (stored[stored.length - 20] ?? 0) ^ 1;
    writeFileSync(join(folder, object), stored);
    expect(await packs(contents(parts))).toMatchObject({ code: 'damaged' });
  });

  test('when a part is gone', async () => {
    const parts = await two();
    await place.storage.removeExcept(place.requestId, [parts[0]?.object ?? '']);
    expect(await packs(contents(parts))).toMatchObject({ code: 'missing' });
  });

  test('when an archive is put in the place of a part', async () => {
    const parts = await two();
    const { object } = await pack(place, contents(parts));
    const [users] = parts;
    if (users === undefined) throw new Error('there are two');
    expect(await packs(contents([{ ...users, object }]))).toMatchObject({ code: 'damaged' });
  });

  test('with a key that opens other parts', async () => {
    const parts = await two();
    const other = await packing(place.storage);
    place = { ...place, key: other.key };
    expect(await packs(contents(parts))).toMatchObject({ code: 'damaged' });
  });
});

test('an archive that is cut in the storage fails its reader, and never seems whole', async () => {
  const { object, zip } = await pack(place, contents(await two()));
  const stored = readFileSync(join(folder, object));
  for (const length of [stored.length - 1, stored.length - 500, 150, 0]) {
    writeFileSync(join(folder, object), stored.subarray(0, length));
    const got: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of readArchive(place.storage, place.key, object)) got.push(piece);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'StorageError', code: 'damaged' });
    expect(Buffer.concat(got).length).toBeLessThan(zip.length);
  }
});

test('who is told to stop leaves nothing', async () => {
  const parts = await two();
  const before = inStorage();
  const stop = new AbortController();
  stop.abort(new Error('cancelled'));
  const writing = writeArchive(place.storage, place.key, place.newName(), contents(parts), stop.signal);
  await expect(writing).rejects.toThrow(/cancelled|aborted/);
  expect(inStorage()).toEqual(before);
});
