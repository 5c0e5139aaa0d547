import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { packArchive, readArchive } from '../../archives/archive.ts';
import { folderStorage } from '../../archives/storage/folder.ts';
import { archiveFolder } from '../support/archives.ts';
import {
  type PackingContext,
  NO_PROGRESS,
  collect,
  column,
  contents,
  lines,
  pack,
  packingContext,
  table,
  unzipTest,
} from './packing.ts';

const folder = archiveFolder();
let context: PackingContext;
beforeEach(async () => {
  context = await packingContext(folderStorage(folder));
});

const USERS = lines({ id: 'u-1', note: 'Ann' });
const EVENTS = lines({ id: 1 }, { id: 2 });
const collectTwo = () => collect(context, [table('app.users', USERS), table('app.events', EVENTS)]);
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const storedObjects = (): readonly string[] => readdirSync(join(folder, context.requestId));

test('packs the page, the manifest and one file per table with the collected bytes', async () => {
  const { files, text, zip } = await pack(context, contents(await collectTwo()));
  expect([...files.keys()]).toEqual([
    'data/app/app.users.ndjson',
    'data/app/app.events.ndjson',
    'index.html',
    'manifest.json',
  ]);
  expect(text('data/app/app.users.ndjson')).toBe(USERS);
  expect(text('data/app/app.events.ndjson')).toBe(EVENTS);
  expect([0, null]).toContain(unzipTest(zip));
});

test('returns the length and checksum of the download and stores no plain text', async () => {
  const packed = await pack(context, contents(await collectTwo()));
  expect(packed.bytes).toBe(packed.zip.length);
  expect(packed.sha256).toBe(sha256(packed.zip));
  for (const name of storedObjects()) {
    const stored = readFileSync(join(folder, context.requestId, name), 'latin1');
    for (const canary of ['PK\u0003\u0004', 'index.html', 'app.users', 'Ann']) expect(stored).not.toContain(canary);
  }
});

test('describes each file in the manifest without any identity', async () => {
  const since = new Date('2025-03-01T08:00:00Z');
  const columns = [column('id', { meaning: 'ID' }), column('note', { source: true })];
  const parts = await collect(context, [
    table('app.users', USERS, { meaning: 'Your account', columns, retained: 'tax law', windowed: true }),
  ]);
  const systems = [
    { system: 'app', cutOffAt: new Date('2026-03-01T08:00:05Z') },
    { system: 'mixpanel', cutOffAt: null },
  ];
  const { text, manifest } = await pack(context, contents(parts, { regulation: 'ccpa', since }, { systems }));
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
    removedSubjects: 0,
    systems: [{ system: 'app', cutOffAt: '2026-03-01T08:00:05.000Z' }],
    notIncluded: ['mixpanel'],
    files: [
      {
        system: 'app',
        path: 'data/app/app.users.ndjson',
        table: 'app.users',
        meaning: 'Your account',
        columns,
        windowed: true,
        retained: 'tax law',
        anonymised: [],
        rows: 1,
        bytes: USERS.length,
        sha256: sha256(USERS),
      },
    ],
  });
  for (const value of ['Ann', 'u-1']) expect(text('manifest.json')).not.toContain(value);
});

test('packs only the page and the manifest for the scope `categories`', async () => {
  const columns = [column('note', { filled: 3 })];
  const parts = await collect(context, [table('app.users', '', { columns, figures: () => ({ rows: 3, bytes: 0 }) })]);
  const { files, manifest } = await pack(context, contents(parts, { scope: 'categories' }));
  expect([...files.keys()]).toEqual(['index.html', 'manifest.json']);
  expect(manifest.files).toMatchObject([{ path: null, rows: 3, columns }]);
});

test('packs the same contents to the same bytes in every time zone', async () => {
  const parts = await collectTwo();
  const originalZone = process.env['TZ'];
  const sums = new Set<string>();
  for (const zone of ['UTC', 'Asia/Kathmandu', 'America/Los_Angeles', 'UTC']) {
    process.env['TZ'] = zone;
    sums.add((await pack(context, contents(parts))).sha256);
  }
  if (originalZone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = originalZone;
  expect(sums.size).toBe(1);
});

describe('failed packing', () => {
  const packWithError = async (archive: ReturnType<typeof contents>) => {
    const packing = packArchive(context.storage, context.keys, archive, NO_PROGRESS.signal);
    await expect(packing).rejects.toMatchObject({ name: 'StorageError' });
    return packing.catch((error: unknown) => error);
  };

  test('throws `damaged` when a part is not the collected one', async () => {
    const [users, events] = await collectTwo();
    if (users === undefined || events === undefined) throw new Error('expected two parts');
    const swapped = [users, { ...events, object: users.object }];
    expect(await packWithError(contents(swapped))).toMatchObject({ code: 'damaged' });
  });

  test.each([1, 2])('throws `damaged` when part %i is damaged in the storage', async (number) => {
    const parts = await collectTwo();
    const object = parts[number - 1]?.object ?? '';
    const stored = readFileSync(join(folder, object));
    stored[stored.length - 20] = (stored[stored.length - 20] ?? 0) ^ 1;
    writeFileSync(join(folder, object), stored);
    expect(await packWithError(contents(parts))).toMatchObject({ code: 'damaged' });
  });

  test('throws `missing` when a part no longer exists', async () => {
    const parts = await collectTwo();
    await context.storage.removeExcept(context.requestId, [parts[0]?.object ?? '']);
    expect(await packWithError(contents(parts))).toMatchObject({ code: 'missing' });
  });

  test('throws `damaged` when the key belongs to other parts', async () => {
    const parts = await collectTwo();
    const other = await packingContext(context.storage);
    context = { ...context, keys: other.keys };
    expect(await packWithError(contents(parts))).toMatchObject({ code: 'damaged' });
  });
});

test('throws `damaged` when a truncated part is read', async () => {
  const { archive, zip } = await pack(context, contents(await collectTwo()));
  const object = archive.objects[1] ?? '';
  const stored = readFileSync(join(folder, object));
  for (const length of [stored.length - 1, stored.length - 20, 150, 0]) {
    writeFileSync(join(folder, object), stored.subarray(0, length));
    const got: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of readArchive(context.storage, context.keys, archive)) got.push(piece);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'StorageError', code: 'damaged' });
    expect(Buffer.concat(got).length).toBeLessThan(zip.length);
  }
});

test('reads no part to its end when packing is aborted', async () => {
  const parts = await collectTwo();
  const stop = new AbortController();
  stop.abort(new Error('cancelled'));
  const read: string[] = [];
  const storage = { ...context.storage, read: (name: string) => (read.push(name), context.storage.read(name)) };
  await expect(packArchive(storage, context.keys, contents(parts), stop.signal)).rejects.toThrow(/cancelled|aborted/);
  expect(read).toEqual([]);
});
