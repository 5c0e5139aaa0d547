import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Installer {
  description: string;
  install(folder: string): Promise<void>;
}

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;

/** The server with its scripts, and the libraries that a machine without it lacks. */
const PACKAGES = ['mariadb-server-core', 'mariadb-client-core', 'liburing2'];
/** Newer releases of Debian and Ubuntu have renamed it. */
const LIBAIO = ['libaio1', 'libaio1t64'];
/** The releases of MariaDB that the tests were written for. A mirror holds only the newest package of each. */
const RELEASES = /^(10\.11|11\.[48]|12\.)/;

/**
 * Unpacks packages of Debian or Ubuntu without root and without installing them. apt verifies their signatures. Its lists
 * and its cache are in a temporary folder, because the machine may have none.
 */
export const byApt: Installer = {
  description: 'packages of Debian or Ubuntu',
  async install(folder) {
    const work = mkdtempSync(join(tmpdir(), 'lethe-apt-'));
    try {
      for (const path of ['lists/partial', 'cache/archives/partial', 'packages'])
        mkdirSync(join(work, path), { recursive: true });
      const status = join(work, 'status');
      if (existsSync('/var/lib/dpkg/status')) copyFileSync('/var/lib/dpkg/status', status);
      const options = [
        `Dir::State::Lists=${join(work, 'lists')}`,
        `Dir::State::status=${status}`,
        `Dir::Cache=${join(work, 'cache')}`,
        'APT::Sandbox::User=root',
        'Acquire::Retries=3',
      ].flatMap((option) => ['-o', option]);
      const packages = join(work, 'packages');
      const apt = (...args: string[]): Promise<unknown> =>
        withShortError(run('apt-get', [...options, '-qq', ...args], { cwd: packages, timeout: TIMEOUT_MS }));
      await apt('update');
      await apt('download', ...PACKAGES);
      await apt('download', LIBAIO[0] ?? '').catch(() => apt('download', ...LIBAIO.slice(1)));
      for (const file of readdirSync(packages))
        await withShortError(run('dpkg-deb', ['-x', join(packages, file), folder], { timeout: TIMEOUT_MS }));
      requireRelease(readdirSync(packages));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

/** A file is named like `mariadb-server-core_1%3a10.11.19-0+deb12u1_amd64.deb`. */
function requireRelease(files: readonly string[]): void {
  const [, version = 'none'] = /^mariadb-server-core_(?:\d+%3a)?([^_]+)_/.exec(files.toSorted().at(-1) ?? '') ?? [];
  if (!RELEASES.test(version)) throw new Error(`this release has MariaDB ${version}, which the tests do not support`);
}

/** Reduces the error of a failed program to the last line of its output, which names the cause. */
async function withShortError(running: Promise<unknown>): Promise<void> {
  try {
    await running;
  } catch (cause) {
    const output = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    const line = output.split('\n').at(-1) ?? '';
    throw new Error(line !== '' ? line : cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
