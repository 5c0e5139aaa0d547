import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPortFree, freePort } from '../ports.ts';
import { awaitUnlocked, initializeCluster, lockOwner, lockedBy } from './cluster.ts';
import { type Folder, clusterFolder } from './folder.ts';
import { nativeFor } from './native.ts';
import { type ServerCommand, type ServerProcess, startServer } from '../child-process.ts';

const START_TIMEOUT_MS = 60_000;
/** Child processes of a killed server end shortly after it and keep its shared memory until then. */
const ORPHANS_TIMEOUT_MS = 10_000;
const ORPHANS_ALIVE = 'pre-existing shared memory block';
/** A temporary cluster does not need durability. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

export interface PostgresOptions {
  /** The folder of the cluster. Without it, the cluster is temporary. */
  dir?: string;
  port?: number;
  /** Settings of postgresql.conf, such as log_min_duration_statement. */
  settings?: Record<string, string>;
}

export interface PostgresServer {
  url: string;
  port: number;
  pid: number;
  /** Removed with a temporary cluster, so read it before `stop()`. */
  logFile: string;
  stop(): Promise<void>;
}

/** Starts PostgreSQL without an installation, also as root. The server stops when this process ends. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = clusterFolder(options.dir);
  try {
    return await startIn(folder, options);
  } catch (error) {
    if (folder.temporary) rmSync(folder.path, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(folder: Folder, options: PostgresOptions): Promise<PostgresServer> {
  const data = join(folder.path, 'data');
  const logFile = join(folder.path, 'server.log');
  await awaitUnlocked(data);
  const port = options.port ?? (await freePort());
  await assertPortFree(port, 'PostgreSQL');

  const native = await nativeFor(folder);
  await initializeCluster(data, native, folder);
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    ...(folder.temporary ? FAST : {}),
    ...options.settings,
  };
  const command: ServerCommand = {
    program: native.bin('postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    signals: ['INT', 'QUIT'],
    logFile,
    remove: folder.temporary ? folder.path : undefined,
    user: folder.user,
    env: native.env,
  };
  const server = await startAfterOrphans(command, data);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return { url, port, pid: server.pid, logFile, stop: server.stop };
}

async function startAfterOrphans(command: ServerCommand, data: string): Promise<ServerProcess> {
  const until = Date.now() + ORPHANS_TIMEOUT_MS;
  for (;;) {
    const server = await startServer(command);
    try {
      await waitUntilReady(server, data);
      return server;
    } catch (error) {
      if (!server.log().includes(ORPHANS_ALIVE) || Date.now() > until) throw error;
      await sleep(100);
    }
  }
}

async function waitUntilReady(server: ServerProcess, data: string): Promise<void> {
  const startedAt = Date.now();
  for (;;) {
    const owner = lockOwner(data);
    if (owner?.pid === server.pid && owner.status === 'ready') return;
    if (server.hasExited() || Date.now() - startedAt > START_TIMEOUT_MS) {
      await server.stop();
      if (owner !== undefined && owner.pid !== server.pid) throw lockedBy(data, owner);
      throw new Error(`PostgreSQL did not start:\n${server.log()}`);
    }
    await sleep(20);
  }
}
