import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPortFree, freePort } from '../ports.ts';
import { awaitUnlocked, initialise, lockOwner, lockedBy } from './cluster.ts';
import { type Folder, clusterFolder } from './folder.ts';
import { nativeFor } from './native.ts';
import { type Order, type Supervised, supervise } from '../child-process.ts';

const READY_MS = 60_000;
/** The processes of a server that was killed end a moment after it, and hold its shared memory until then. */
const ORPHANS_MS = 10_000;
const ORPHANS_ALIVE = 'pre-existing shared memory block';
/** A cluster that is thrown away has nothing to lose in a power cut. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

export interface PostgresOptions {
  /** Keeps the cluster there; without it the cluster is thrown away at the end. */
  dir?: string;
  port?: number;
  /** Settings of postgresql.conf, such as log_min_duration_statement. */
  settings?: Record<string, string>;
}

export interface PostgresServer {
  url: string;
  port: number;
  pid: number;
  /** Removed together with a throw-away cluster: read it before stop(). */
  logFile: string;
  stop(): Promise<void>;
}

/** A real PostgreSQL without installation, as root or not, that ends when this process does. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = clusterFolder(options.dir);
  try {
    return await startIn(folder, options);
  } catch (error) {
    if (folder.throwAway) rmSync(folder.path, { recursive: true, force: true });
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
  await initialise(data, native, folder);
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    ...(folder.throwAway ? FAST : {}),
    ...options.settings,
  };
  const order: Order = {
    command: native.bin('postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    signals: ['INT', 'QUIT'],
    logFile,
    remove: folder.throwAway ? folder.path : undefined,
    user: folder.user,
    env: native.env,
  };
  const server = await startAfterOrphans(order, data);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return { url, port, pid: server.pid, logFile, stop: server.stop };
}

async function startAfterOrphans(order: Order, data: string): Promise<Supervised> {
  const until = Date.now() + ORPHANS_MS;
  for (;;) {
    const server = await supervise(order);
    try {
      await ready(server, data);
      return server;
    } catch (error) {
      if (!server.log().includes(ORPHANS_ALIVE) || Date.now() > until) throw error;
      await sleep(100);
    }
  }
}

async function ready(server: Supervised, data: string): Promise<void> {
  const began = Date.now();
  for (;;) {
    const owner = lockOwner(data);
    if (owner?.pid === server.pid && owner.status === 'ready') return;
    if (server.ended() || Date.now() - began > READY_MS) {
      await server.stop();
      if (owner !== undefined && owner.pid !== server.pid) throw lockedBy(data, owner);
      throw new Error(`PostgreSQL did not start:\n${server.log()}`);
    }
    await sleep(20);
  }
}
