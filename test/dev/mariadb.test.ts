import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findMariadb } from '../../dev/embedded/mariadb/binaries.ts';
import type { Installer } from '../../dev/embedded/mariadb/install.ts';
import { startMariadb } from '../../dev/embedded/mariadb/mariadb.ts';
import { mariadbUrl } from '../support/servers/mariadb.ts';
import { hasExited, startParent, startedServer } from './parent.ts';

let home = '';
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'lethe-test-')));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A folder like `/usr`, with a server and the script that belongs to it. */
function installIn(base: string): string {
  for (const name of ['sbin/mariadbd', 'bin/mariadb-install-db']) {
    mkdirSync(dirname(join(base, name)), { recursive: true });
    writeFileSync(join(base, name), '#!/bin/sh\n');
    chmodSync(join(base, name), 0o755);
  }
  return join(base, 'sbin/mariadbd');
}

const installer: Installer = {
  description: 'packages',
  install: async (folder) => void installIn(join(folder, 'usr')),
};
const failing: Installer = { description: 'packages', install: () => Promise.reject(new Error('no route')) };
const PATHS = { PATH: '/nowhere' };

test('finds MariaDB by the variable before PATH, and rejects a variable that names no executable', async () => {
  const [given, onPath] = [installIn(join(home, 'given')), installIn(join(home, 'other'))];
  const env = { LETHE_MARIADB_BIN: given, PATH: dirname(onPath) };
  expect((await findMariadb({ env })).server).toBe(given);
  expect((await findMariadb({ env: { PATH: dirname(onPath) } })).base).toBe(join(home, 'other'));
  await expect(findMariadb({ env: { LETHE_MARIADB_BIN: join(home, 'missing') } })).rejects.toThrow(
    'LETHE_MARIADB_BIN=',
  );
});

test('unpacks MariaDB once, keeps nothing of a failed attempt, and lists what it tried', async () => {
  const cache = join(home, 'cache');
  const error: unknown = await findMariadb({ env: PATHS, cache, installer: failing }).then(
    () => '',
    (each: unknown) => each,
  );
  expect(String(error)).toMatch(
    /Set LETHE_MARIADB_BIN .*\n- LETHE_MARIADB_BIN: not set\n- PATH.*\n- .*does not exist\n- packages: no route/,
  );
  expect(readdirSync(cache)).toEqual([]);
  const first = await findMariadb({ env: PATHS, cache, installer });
  expect(first.server.startsWith(cache)).toBe(true);
  expect((await findMariadb({ env: PATHS, cache, installer: failing })).server).toBe(first.server);
});

const server = await mariadbUrl();

describe.skipIf(server === null)('an embedded MariaDB', () => {
  test('stops and removes its folder when its parent is killed with SIGKILL', async () => {
    const parent = await startParent('mariadb');
    const { pid, logFile } = startedServer(parent);
    parent.process.kill('SIGKILL');
    expect(await hasExited(pid)).toBe(true);
    await expect.poll(() => existsSync(dirname(logFile)), { timeout: 10_000 }).toBe(false);
  });

  test('keeps the rows of a permanent folder until the next start', async () => {
    const dir = join(home, 'permanent');
    const first = await startMariadb({ dir });
    const one = await createConnection({ uri: first.url, multipleStatements: true });
    await one.query('CREATE DATABASE kept; CREATE TABLE kept.numbers AS SELECT 7 AS n');
    await one.end();
    await first.stop();
    const second = await startMariadb({ dir });
    try {
      const two = await createConnection({ uri: second.url });
      expect((await two.query('SELECT n FROM kept.numbers'))[0]).toEqual([{ n: 7 }]);
      await two.end();
    } finally {
      await second.stop();
    }
  });
});
