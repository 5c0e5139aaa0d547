import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { installOnce } from '../install-once.ts';
import { type Installer, byApt } from './install.ts';

/** The folder `usr` of an installation: programs, messages and character sets. */
export interface MariadbBinaries {
  readonly server: string;
  readonly installDb: string;
  readonly base: string;
  readonly env: Record<string, string>;
}

export interface SearchOptions {
  env?: NodeJS.ProcessEnv;
  cache?: string;
  installer?: Installer;
}

const VARIABLE = 'LETHE_MARIADB_BIN';
const CACHE = resolve(import.meta.dirname, '../../../.lethe/bin');

/** Finds MariaDB, or unpacks it. If it is not found, the error lists everything that was tried. */
export async function findMariadb(search: SearchOptions = {}): Promise<MariadbBinaries> {
  const { env = process.env, cache = CACHE, installer = byApt } = search;
  const given = env[VARIABLE];
  if (given !== undefined && given !== '') {
    if (isExecutable(given)) return binariesOf(given);
    throw new Error(`${VARIABLE}=${given} is not an executable file`);
  }
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const onPath = folders.map((folder) => join(folder, 'mariadbd')).find(isExecutable);
  if (onPath !== undefined) return binariesOf(onPath);

  const folder = join(cache, `mariadb-${process.platform}-${process.arch}`);
  const cached = join(folder, 'usr/sbin/mariadbd');
  const failure = existsSync(cached) ? null : await install(folder, installer);
  if (failure === null) return binariesOf(cached);
  throw new Error(
    [
      `MariaDB was not found. Set ${VARIABLE} to the path of mariadbd. Tried in this order:`,
      `- ${VARIABLE}: not set`,
      `- PATH: no executable mariadbd`,
      `- ${cached}: does not exist`,
      `- ${installer.description}: ${failure}`,
    ].join('\n'),
  );
}

async function install(folder: string, installer: Installer): Promise<string | null> {
  try {
    await installOnce(folder, (temporary) => installer.install(temporary));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function binariesOf(program: string): MariadbBinaries {
  const server = realpathSync(program);
  const base = resolve(dirname(server), '..');
  const installDb = [join(base, 'bin/mariadb-install-db'), join(base, 'scripts/mariadb-install-db')].find(isExecutable);
  if (installDb === undefined) throw new Error(`${base} contains no mariadb-install-db, which belongs to ${program}`);
  const libraries = join(base, 'lib', LIBRARIES[process.arch] ?? '');
  return { server, installDb, base, env: base === '/usr' ? {} : { LD_LIBRARY_PATH: libraries } };
}

/** Debian's folders of libraries. */
const LIBRARIES: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
