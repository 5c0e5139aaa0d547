import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { assertPortFree, freePort } from '../ports.ts';
import { type Supervised, supervise } from '../child-process.ts';
import { findTemporalBinary } from './binary.ts';
import { awaitNoServer, noteServer } from './lock-owner.ts';
import { answers, searchAttributeFlags } from './ready.ts';

const READY_MS = 60_000;

export interface TemporalOptions {
  /** Keeps the server's state there; without it everything is forgotten at the end. */
  dbFile?: string;
  port?: number;
  uiPort?: number;
}

export interface TemporalServer {
  address: string;
  uiUrl: string;
  pid: number;
  /** Of a server without a dbFile it is removed at the end. */
  logFile: string;
  stop(): Promise<void>;
}

/** Temporal's development server with Lethe's search attributes; it ends when this process does. */
export async function startTemporal(options: TemporalOptions = {}): Promise<TemporalServer> {
  const command = await findTemporalBinary('temporal');
  const keep = options.dbFile === undefined ? undefined : resolve(options.dbFile);
  if (keep !== undefined) {
    mkdirSync(dirname(keep), { recursive: true });
    await awaitNoServer(keep);
  }
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  await assertPortFree(port, "Temporal's server");
  await assertPortFree(uiPort, "Temporal's UI");

  const folder = keep === undefined ? mkdtempSync(join(realpathSync(tmpdir()), 'lethe-temporal-')) : undefined;
  const dbFile = keep ?? join(folder ?? '', 'temporal.db');
  const logFile = `${dbFile}.log`;
  const ports = ['--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)];
  const server = await supervise({
    command,
    args: ['server', 'start-dev', ...ports, '--db-filename', dbFile, '--log-level', 'error', ...searchAttributeFlags()],
    signals: ['TERM', 'KILL'],
    logFile,
    remove: folder,
  });
  if (keep !== undefined) noteServer(keep, { pid: server.pid, port });
  const address = `127.0.0.1:${port}`;
  await ready(server, address);
  return { address, uiUrl: `http://127.0.0.1:${uiPort}`, pid: server.pid, logFile, stop: server.stop };
}

async function ready(server: Supervised, address: string): Promise<void> {
  const until = Date.now() + READY_MS;
  while (!(await answers(address))) {
    if (!server.ended() && Date.now() < until) continue;
    await server.stop();
    throw new Error(`Temporal's server did not start:\n${server.log()}`);
  }
}
