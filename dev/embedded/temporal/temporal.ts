import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { assertPortFree, freePort } from '../ports.ts';
import { type ServerProcess, startServer } from '../child-process.ts';
import { findTemporalBinary } from './binary.ts';
import { awaitNoServer, recordServer } from './lock-owner.ts';
import { isReady, searchAttributeFlags } from './ready.ts';

const START_TIMEOUT_MS = 60_000;

export interface TemporalOptions {
  /** The file for the server's state. Without it, the state is temporary. */
  dbFile?: string;
  port?: number;
  uiPort?: number;
}

export interface TemporalServer {
  address: string;
  uiUrl: string;
  pid: number;
  /** Removed with the temporary state of a server without `dbFile`. */
  logFile: string;
  stop(): Promise<void>;
}

/** Starts Temporal's development server with Lethe's search attributes. The server stops when this process ends. */
export async function startTemporal(options: TemporalOptions = {}): Promise<TemporalServer> {
  const program = await findTemporalBinary('temporal');
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
  // Priorities are on by default. Exact with one partition, which suffices for the rates of a development server.
  const settings = [
    'matching.enableFairness=true',
    'matching.numTaskqueueReadPartitions=1',
    'matching.numTaskqueueWritePartitions=1',
  ].flatMap((setting) => ['--dynamic-config-value', setting]);
  const server = await startServer({
    program,
    args: [
      'server',
      'start-dev',
      ...ports,
      '--db-filename',
      dbFile,
      '--log-level',
      'error',
      ...settings,
      ...searchAttributeFlags(),
    ],
    signals: ['TERM', 'KILL'],
    logFile,
    remove: folder,
  });
  if (keep !== undefined) recordServer(keep, { pid: server.pid, port });
  const address = `127.0.0.1:${port}`;
  await waitUntilReady(server, address);
  return { address, uiUrl: `http://127.0.0.1:${uiPort}`, pid: server.pid, logFile, stop: server.stop };
}

async function waitUntilReady(server: ServerProcess, address: string): Promise<void> {
  const until = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady(address))) {
    if (!server.hasExited() && Date.now() < until) continue;
    await server.stop();
    throw new Error(`Temporal's server did not start:\n${server.log()}`);
  }
}
