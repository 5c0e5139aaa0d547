import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { safePath } from '../../archives/files.ts';
import { SubjectKeys } from '../../archives/subject-keys.ts';
import type { ExportedTable, OwnedRows } from '../../connectors/connector.ts';
import { archives } from '../support/archives.ts';
import {
  type PackingContext,
  collect,
  column,
  contents,
  download,
  lines,
  pack,
  packingContext,
  subjectKeys,
  table,
  unzipTest,
} from './packing.ts';

const storage = archives();
let context: PackingContext;
beforeEach(async () => {
  context = await packingContext(storage);
});

interface File {
  readonly owner: number;
  readonly path: string;
  readonly pieces: readonly Buffer[];
}

const NOISE = randomBytes(200_000);
const FILES: readonly File[] = [
  { owner: 1, path: 'photo.jpg', pieces: [NOISE.subarray(0, 64_000), NOISE.subarray(64_000)] },
  { owner: 2, path: 'photo.jpg', pieces: [Buffer.from('canary of 2')] },
  { owner: 1, path: 'empty.txt', pieces: [] },
  { owner: 3, path: '2024/file of 3.pdf', pieces: [Buffer.from('canary of 3')] },
];

/** A table of files as a connector returns it. */
function filesTable(name: string, files = FILES): ExportedTable {
  async function* rows(): AsyncGenerator<OwnedRows> {
    for (const { owner, path, pieces } of files) {
      const [first = Buffer.alloc(0), ...others] = pieces;
      yield { owners: [owner], rows: 1, bytes: first, file: { path } };
      for (const bytes of others) yield { owners: [owner], rows: 0, bytes };
    }
  }
  const bytes = files.flatMap(({ pieces }) => pieces).reduce((sum, piece) => sum + piece.length, 0);
  const figures = () => ({ rows: files.length, bytes });
  return table(name, '', { hasFiles: true, columns: [column('content', { type: 'file' })], rows: rows(), figures });
}

const USERS = lines({ id: 'u-1' });
const collectBoth = () => collect(context, [filesTable('avatars'), table('app.users', USERS)]);

test('packs each file whole into a folder of its own, beside the tables', async () => {
  const { files, manifest, zip, text } = await pack(context, contents(await collectBoth(), { subjects: 3 }));
  expect([...files.keys()]).toEqual([
    'data/app/avatars/1/photo.jpg',
    'data/app/avatars/2/photo.jpg',
    'data/app/avatars/3/empty.txt',
    'data/app/avatars/4/2024/file of 3.pdf',
    'data/app/app.users.ndjson',
    'index.html',
    'manifest.json',
  ]);
  expect(files.get('data/app/avatars/1/photo.jpg')?.equals(NOISE)).toBe(true);
  expect(text('data/app/avatars/3/empty.txt')).toBe('');
  expect(text('data/app/avatars/4/2024/file of 3.pdf')).toBe('canary of 3');
  const all = Buffer.concat(FILES.flatMap(({ pieces }) => pieces));
  expect(manifest.files[0]).toMatchObject({
    path: 'data/app/avatars/',
    hasFiles: true,
    rows: 4,
    bytes: all.length,
    sha256: createHash('sha256').update(all).digest('hex'),
  });
  expect(manifest.files[1]).not.toHaveProperty('hasFiles');
  expect(JSON.stringify(manifest)).not.toContain('photo');
  expect([0, null]).toContain(unzipTest(zip));
});

test('leaves the files of a removed subject out of the download and of the manifest in it', async () => {
  const parts = await collectBoth();
  const { archive } = await pack(context, contents(parts, { subjects: 3 }));
  const keys = { ...context.keys, subjects: subjectKeys([1, 3]) };
  const { files, text, zip } = await download(context.storage, keys, archive);
  expect([...files.keys()].filter((path) => path.includes('avatars'))).toEqual([
    'data/app/avatars/1/photo.jpg',
    'data/app/avatars/3/empty.txt',
    'data/app/avatars/4/2024/file of 3.pdf',
  ]);
  expect(zip.toString('latin1')).not.toContain('canary of 2');
  const [listed] = (JSON.parse(text('manifest.json')) as typeof archive.manifest).files;
  expect(listed).toMatchObject({ rows: 3, bytes: NOISE.length + 'canary of 3'.length });
});

test('does not pack files whose keys are wrong or of which one is missing', async () => {
  const [part] = await collectBoth();
  if (part === undefined) throw new Error('expected a part');
  const damaged = expect.objectContaining({ name: 'StorageError', code: 'damaged' });
  const other = new SubjectKeys([1, 2, 3].map((seq) => ({ seq, key: randomBytes(32) })));
  await expect(pack({ ...context, keys: { ...context.keys, subjects: other } }, contents([part]))).rejects.toEqual(
    damaged,
  );
  const facts = { ...part.facts, rows: part.facts.rows + 1 };
  await expect(pack(context, contents([{ ...part, facts }]))).rejects.toEqual(damaged);
});

test('links the folder on the page and shows no contents of files', async () => {
  const parts = await collect(context, [filesTable('avatars', FILES.slice(1, 2))]);
  const { text } = await pack(context, contents(parts));
  const page = text('index.html');
  expect(page).toContain(
    '1 file · <code>avatars</code> in system app · <a href="data/app/avatars/">data/app/avatars/</a>',
  );
  expect(page).toContain('Folders contain unchanged copies of files');
  expect(page).not.toContain('canary');
});

const SAFE = /^(?![ .])[^<>:"|?*\\\p{Cc}]*[^<>:"|?*\\\p{Cc}. ]$/u;

test('makes every path of a file relative and safe to unpack', () => {
  expect(safePath('../../etc/passwd')).toBe('_/_/etc/passwd');
  expect(safePath('/a//b/./c.txt')).toBe('a/b/c.txt');
  expect(safePath(String.raw`C:\x\y`)).toBe('C__x_y');
  expect(safePath('con.txt')).toBe('_con.txt');
  expect(safePath('')).toBe('_');
  expect(safePath(`${'a'.repeat(300)}.jpeg`)).toBe(`${'a'.repeat(115)}.jpeg`);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (path) => {
      for (const name of safePath(path).split('/')) {
        expect(name).not.toBe('');
        expect(name).toMatch(SAFE);
        expect(name).not.toMatch(/^\.\.?$/);
      }
    }),
  );
});
