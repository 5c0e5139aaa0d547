import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { bytesOf, chunksOf, conforms, nameIn, type Place, requestId } from './conformance.ts';

const home = mkdtempSync(join(tmpdir(), 'lethe-folder-'));
afterAll(() => rmSync(home, { recursive: true }));

function inFolder(): Place & { readonly root: string } {
  const root = mkdtempSync(join(home, 'archives-'));
  const lying = () =>
    readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [entry.name] : [],
    );
  return { root, storage: folderStorage(root), lying, secret: [root] };
}

conforms(() => Promise.resolve(inFolder()));

test('only the owner can read what is made', async () => {
  const { root } = inFolder();
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

test('what a killed attempt left goes with the request', async () => {
  const { root, storage } = inFolder();
  const name = nameIn(requestId());
  await storage.write(name, chunksOf(Buffer.from('x'), 1));
  writeFileSync(join(root, `${name}.canary.part`), 'half');
  const [request = ''] = name.split('/');
  await storage.removeExcept(request, [name]);
  expect(readdirSync(join(root, request))).toEqual([name.slice(request.length + 1)]);
  await storage.removeExcept(request, []);
  expect(readdirSync(root)).toEqual([]);
});

test('a link is followed neither to another file nor to another folder', async () => {
  const { root, storage } = inFolder();
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

test.each(['', 'half-writ', '../../etc'])('a mark that says "%s" is damaged, and is not replaced', async (mark) => {
  const { root, storage } = inFolder();
  writeFileSync(join(root, '.lethe-archives'), mark);
  await expect(storage.storageId()).rejects.toMatchObject({ code: 'damaged' });
  expect(statSync(join(root, '.lethe-archives')).size).toBe(mark.length);
});

test('a folder that cannot be made says so by a code, without its path', async () => {
  const { root } = inFolder();
  writeFileSync(join(root, 'file'), '');
  const failure: unknown = await folderStorage(join(root, 'file/archives'))
    .storageId()
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'unavailable', message: expect.stringContaining('(ENOTDIR)') });
  expect(String(failure)).not.toContain(root);
});

test('a disk that takes no more is unavailable, and nothing is left', () => {
  const { root, lying } = inFolder();
  const name = nameIn(requestId());
  const script = `
    import { folderStorage } from '${join(import.meta.dirname, '../../../archives/storage/folder.ts')}';
    const failure = await folderStorage('${root}').write('${name}', (async function* () {
      for (let i = 0; i < 64; i += 1) yield Buffer.alloc(65_536);
    })()).catch((error) => error);
    console.log(failure?.name, failure?.code, failure?.message);`;
  // A file may grow to 1 MiB there; the signal that would end the process is ignored, so that it is told as an error.
  const limited = `trap '' XFSZ; ulimit -f 1024; exec "$0" --input-type=module -e "$1"`;
  const { stdout } = spawnSync('bash', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
  expect(stdout).toBe('StorageError unavailable the folder of the archives cannot be used (EFBIG)\n');
  expect(lying()).toEqual([]);
});
