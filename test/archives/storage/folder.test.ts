import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { bytesOf, chunksOf, testConformance, nameIn, type TestStorage, requestId } from './conformance.ts';

const home = mkdtempSync(join(tmpdir(), 'lethe-folder-'));
afterAll(() => rmSync(home, { recursive: true }));

function createFolderStorage(): TestStorage & { readonly root: string } {
  const root = mkdtempSync(join(home, 'archives-'));
  const storedFiles = () =>
    readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [entry.name] : [],
    );
  return { root, storage: folderStorage(root), storedFiles, secret: [root] };
}

testConformance(() => Promise.resolve(createFolderStorage()));

test('creates folders and files that only the owner can read', async () => {
  const { root } = createFolderStorage();
  const storage = folderStorage(join(root, 'new/archives'));
  await storage.storageId();
  const name = nameIn(requestId());
  await storage.write(name, chunksOf(Buffer.from('x'), 1));
  const modes = ['new', 'new/archives', join('new/archives', name, '..')].map(
    (path) => statSync(join(root, path)).mode,
  );
  expect(modes.map((mode) => mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
  for (const file of [name, '.lethe-archives'])
    expect(statSync(join(root, 'new/archives', file)).mode & 0o777).toBe(0o600);
});

test('removes the unfinished files of a killed attempt', async () => {
  const { root, storage } = createFolderStorage();
  const name = nameIn(requestId());
  await storage.write(name, chunksOf(Buffer.from('x'), 1));
  writeFileSync(join(root, `${name}.canary.part`), 'half');
  const [request = ''] = name.split('/');
  await storage.removeExcept(request, [name]);
  expect(readdirSync(join(root, request))).toEqual([name.slice(request.length + 1)]);
  await storage.removeExcept(request, []);
  expect(readdirSync(root)).toEqual([]);
});

test('does not follow symbolic links to files or folders', async () => {
  const { root, storage } = createFolderStorage();
  const outside = join(home, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'canary'), 'canary');
  const [linked, file] = [requestId(), nameIn(requestId())];
  symlinkSync(outside, join(root, linked));
  mkdirSync(join(root, file, '..'));
  symlinkSync(join(outside, 'canary'), join(root, file));
  await expect(bytesOf(storage, file)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(storage.write(file, chunksOf(Buffer.from('x'), 1))).rejects.toMatchObject({ code: 'unavailable' });
  await expect(storage.write(nameIn(linked), chunksOf(Buffer.from('x'), 1))).rejects.toMatchObject({ code: 'damaged' });
  await expect(storage.removeExcept(linked, [])).rejects.toMatchObject({ code: 'damaged' });
  await storage.removeExcept(file.split('/')[0] ?? '', []);
  expect(readdirSync(outside)).toEqual(['canary']);
});

test.each(['', 'incomplete', '../../etc'])(
  'reports `damaged` and does not replace the storage ID when it is "%s"',
  async (id) => {
    const { root, storage } = createFolderStorage();
    writeFileSync(join(root, '.lethe-archives'), id);
    await expect(storage.storageId()).rejects.toMatchObject({ code: 'damaged' });
    expect(statSync(join(root, '.lethe-archives')).size).toBe(id.length);
  },
);

test('reports a code without the path when the folder cannot be created', async () => {
  const { root } = createFolderStorage();
  writeFileSync(join(root, 'file'), '');
  const failure: unknown = await folderStorage(join(root, 'file/archives'))
    .storageId()
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'unavailable', message: expect.stringContaining('(ENOTDIR)') });
  expect(String(failure)).not.toContain(root);
});

test('reports `unavailable` and leaves no file when the disk is full', () => {
  const { root, storedFiles } = createFolderStorage();
  const name = nameIn(requestId());
  const script = `
    import { folderStorage } from '${join(import.meta.dirname, '../../../archives/storage/folder.ts')}';
    const failure = await folderStorage('${root}').write('${name}', (async function* () {
      for (let i = 0; i < 64; i += 1) yield Buffer.alloc(65_536);
    })()).catch((error) => error);
    console.log(failure?.name, failure?.code, failure?.message);`;
  // Limits files to 1 MiB. The process ignores SIGXFSZ, so that the write fails instead.
  const limited = `trap '' XFSZ; ulimit -f 1024; exec "$0" --input-type=module -e "$1"`;
  const { stdout } = spawnSync('bash', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
  expect(stdout).toBe('StorageError unavailable LETHE_ARCHIVES: the archive folder cannot be used (EFBIG)\n');
  expect(storedFiles()).toEqual([]);
});
