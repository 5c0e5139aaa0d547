import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ServerProcess, startServer } from '../child-process.ts';
import { installOnce } from '../install-once.ts';
import { assertPortFree, freePort } from '../ports.ts';
import { type MariadbBinaries, findMariadb } from './binaries.ts';

const START_TIMEOUT_MS = 60_000;
const READY = 'ready for connections';
/** A temporary server does not need durability. */
const FAST = { innodb_flush_log_at_trx_commit: '0', innodb_doublewrite: '0', sync_binlog: '0' };

export interface MariadbOptions {
  /** The folder of the server's data. Without it, the data is temporary. */
  dir?: string;
  port?: number;
  /** Settings of the server, such as general_log. */
  settings?: Record<string, string>;
}

export interface MariadbServer {
  /** Of the user root, without a password and without a database. */
  url: string;
  port: number;
  pid: number;
  /** Removed with temporary data, so read it before `stop()`. */
  logFile: string;
  stop(): Promise<void>;
}

/** Starts MariaDB without an installation, also as root. The server stops when this process ends. */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbServer> {
  const binaries = await findMariadb();
  const temporary = options.dir === undefined;
  const folder = temporary ? mkdtempSync(join(realpathSync(tmpdir()), 'lethe-mariadb-')) : resolve(options.dir ?? '');
  try {
    mkdirSync(folder, { recursive: true });
    return await startIn(folder, binaries, options);
  } catch (error) {
    if (temporary) rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(folder: string, binaries: MariadbBinaries, options: MariadbOptions): Promise<MariadbServer> {
  const data = join(folder, 'data');
  const logFile = join(folder, 'server.log');
  const port = options.port ?? (await freePort());
  await assertPortFree(port, 'MariaDB');
  await installOnce(data, (made) => createData(made, binaries));
  const settings = {
    ...commonSettings(binaries),
    ...(options.dir === undefined ? FAST : {}),
    datadir: data,
    // A server that starts removes the temporary tables of every server with the same folder.
    tmpdir: temporaryFolder(folder),
    port: String(port),
    bind_address: '127.0.0.1',
    socket: join(folder, 'server.sock'),
    pid_file: join(folder, 'server.pid'),
    default_time_zone: '+00:00',
    skip_name_resolve: '1',
    ...options.settings,
  };
  const server = await startServer({
    program: binaries.server,
    args: ['--no-defaults', ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)],
    signals: ['TERM', 'KILL'],
    logFile,
    remove: options.dir === undefined ? folder : undefined,
    env: binaries.env,
  });
  await waitUntilReady(server);
  return { url: `mysql://root@127.0.0.1:${port}`, port, pid: server.pid, logFile, stop: server.stop };
}

function temporaryFolder(folder: string): string {
  const path = join(folder, 'tmp');
  mkdirSync(path, { recursive: true });
  return path;
}

/** Root has to say that the server runs as root. */
function commonSettings({ base }: MariadbBinaries): Record<string, string> {
  const share = [join(base, 'share/mysql'), join(base, 'share/mariadb'), join(base, 'share')].find((path) =>
    existsSync(join(path, 'english')),
  );
  return {
    basedir: base,
    ...(share === undefined ? {} : { lc_messages_dir: share, character_sets_dir: join(share, 'charsets') }),
    ...(process.getuid?.() === 0 ? { user: 'root' } : {}),
    innodb_log_file_size: '16M',
  };
}

async function createData(folder: string, binaries: MariadbBinaries): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { basedir, user, innodb_log_file_size: size } = commonSettings(binaries);
  const settings = [
    '--no-defaults',
    `--basedir=${basedir}`,
    `--datadir=${folder}`,
    ...(user === undefined ? [] : [`--user=${user}`]),
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    `--innodb-log-file-size=${size}`,
    '--innodb-flush-log-at-trx-commit=0',
  ];
  try {
    await promisify(execFile)(binaries.installDb, settings, { env: { PATH: process.env['PATH'], ...binaries.env } });
  } catch (cause) {
    throw new Error(`MariaDB could not create its data in ${folder}`, { cause });
  }
}

async function waitUntilReady(server: ServerProcess): Promise<void> {
  const until = Date.now() + START_TIMEOUT_MS;
  while (!server.log().includes(READY)) {
    if (server.hasExited() || Date.now() > until) {
      const log = server.log();
      await server.stop();
      throw new Error(`MariaDB did not start:\n${log}`);
    }
    await sleep(20);
  }
}
