import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import postgres from 'postgres';
import { z } from 'zod';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { connect } from '../../db/client.ts';
import { addMemberOrToken } from '../../db/members/members.ts';
import { migrate } from '../../db/migrate.ts';
import { ensureProjects } from '../../db/project-lock.ts';
import { qualifiedSystemName } from '../../domain/ids.ts';
import { startServer } from '../embedded/child-process.ts';
import { freePort } from '../embedded/ports.ts';
import { isAlive } from '../embedded/processes.ts';
import { startPostgres } from '../embedded/postgres/postgres.ts';
import { startTemporal } from '../embedded/temporal/temporal.ts';

export const PROJECT = 'drill';
export const SYSTEMS = ['app', 'crm'] as const;
export type SystemName = (typeof SYSTEMS)[number];
export type DatabaseName = SystemName | 'ledger';
export type Component = DatabaseName | 'temporal' | 'api' | 'worker1' | 'worker2';

const ROOT = resolve(import.meta.dirname, '../..');
const DEPLOYMENT = join(import.meta.dirname, 'deployment');
const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
/** A killed process must lose no commit, so commits reach the operating system. It does not have to reach the disk. */
const SETTINGS = {
  max_connections: '100',
  shared_buffers: '64MB',
  fsync: 'off',
  synchronous_commit: 'on',
  full_page_writes: 'off',
  log_lock_waits: 'on',
  wal_level: 'minimal',
  max_wal_senders: '0',
};
const ARCHIVES_SIZE = '16m';
const LETHE_PROCESSES = ['api', 'worker1', 'worker2'] as const;
const FOLDER = 'lethe-drill-';

interface Running {
  readonly pid: number;
  hasExited?(): boolean;
  stop(): Promise<unknown>;
}

export interface Stack {
  readonly apiUrl: string;
  readonly token: string;
  readonly sql: Readonly<Record<DatabaseName, postgres.Sql>>;
  readonly urls: Readonly<Record<DatabaseName, string>>;
  readonly archives: string;
  /** Whether `archives` is a small file system of its own, which a fault can fill. */
  readonly archivesAreSmall: boolean;
  readonly temporalFile: string;
  readonly logs: readonly string[];
  kill(component: Component): Promise<void>;
  /** Starts a killed component again. Returns when it can be used, except for workers. */
  restart(component: Component): Promise<void>;
  /** Suspends a process and its children (SIGSTOP), or continues them. */
  suspend(component: Component, isSuspended: boolean): void;
  moveClock(component: Component, offsetMs: number): Promise<void>;
  /** Starts processes of Lethe again that have ended by themselves, as a supervisor does. Returns their names. */
  supervise(): Promise<readonly Component[]>;
  stop(): Promise<void>;
}

export async function startStack(): Promise<Stack> {
  removeLeftovers();
  const folder = join(tmpdir(), `${FOLDER}${process.pid}-${Date.now()}`);
  const inFolder = (name: string): string => join(folder, name);
  for (const name of ['', 'archives', 'mail']) mkdirSync(inFolder(name), { recursive: true });
  const archivesAreSmall = mountSmall(inFolder('archives'));
  const names = ['ledger', 'app', 'crm', 'temporal', 'ui', 'api'] as const;
  const ports: Record<string, number> = {};
  for (const name of names) ports[name] = await freePort();
  const port = (name: (typeof names)[number]): number => ports[name] ?? 0;
  const running = new Map<Component, Running>();
  const urls = { ledger: urlAt(port('ledger')), app: urlAt(port('app')), crm: urlAt(port('crm')) };
  const sql = { ledger: connectUnlogged(urls.ledger), app: connectUnlogged(urls.app), crm: connectUnlogged(urls.crm) };
  const apiUrl = `http://127.0.0.1:${port('api')}`;
  const temporalFile = inFolder('temporal.db');
  const environment = {
    DATABASE_URL: urls.ledger,
    DEMO_DATABASE_URL: urls.app,
    CRM_DATABASE_URL: urls.crm,
    TEMPORAL_ADDRESS: `127.0.0.1:${port('temporal')}`,
    LETHE_CONFIG: join(DEPLOYMENT, 'drill.config.ts'),
    LETHE_DIGEST_KEYS: `k1:${Buffer.alloc(32, 13).toString('base64url')}`,
    LETHE_ARCHIVES: pathToFileURL(inFolder('archives')).href,
    LETHE_PUBLIC_URL: apiUrl,
    MAIL_URL: pathToFileURL(inFolder('mail')).href,
    LOG_LEVEL: 'debug',
    LETHE_WORKFLOW_BUNDLE: inFolder('workflows.js'),
    PORT: String(port('api')),
    NODE_OPTIONS: `--import ${pathToFileURL(join(DEPLOYMENT, 'clock.ts')).href}`,
  };

  const start = (component: Component): Promise<Running> => {
    if (component === 'temporal')
      return startTemporal({ dbFile: temporalFile, port: port('temporal'), uiPort: port('ui') });
    if (component === 'ledger' || component === 'app' || component === 'crm')
      return startPostgres({ dir: inFolder(component), port: port(component), settings: SETTINGS });
    rmSync(inFolder(`${component}.clock`), { force: true });
    return startServer({
      program: process.execPath,
      args: argumentsOf(component === 'api' ? 'start:api' : 'start:worker'),
      env: { ...environment, DRILL_CLOCK: inFolder(`${component}.clock`) },
      signals: ['TERM', 'KILL'],
      logFile: inFolder(`${component}.log`),
    });
  };
  const pidOf = (component: Component): number => running.get(component)?.pid ?? 0;
  const hasEnded = (component: Component): boolean => running.get(component)?.hasExited?.() ?? false;
  const restart = async (component: Component): Promise<void> => {
    running.set(component, await start(component));
    if (component === 'api') await untilReady(apiUrl);
  };
  const stop = async (): Promise<void> => {
    await Promise.all(Object.values(sql).map((client) => client.end({ timeout: 1 })));
    for (const component of ['worker1', 'worker2', 'api', 'temporal', 'crm', 'app', 'ledger'] as const)
      await running.get(component)?.stop();
    removeFolder(folder);
  };

  try {
    execFileSync(process.execPath, [join(ROOT, 'commands/bundle.ts'), '--output', environment.LETHE_WORKFLOW_BUNDLE]);
    await Promise.all((['ledger', 'app', 'crm', 'temporal'] as const).map(restart));
    await Promise.all([migrate(urls.ledger), prepareSystems(sql)]);
    const token = await addOwner(urls.ledger);
    await Promise.all((['api', 'worker1', 'worker2'] as const).map(restart));
    await untilPolling(inFolder('worker1.log'));
    return {
      apiUrl,
      token,
      sql,
      urls,
      archives: inFolder('archives'),
      archivesAreSmall,
      temporalFile,
      logs: [
        ...['api', 'worker1', 'worker2', 'temporal.db'].map((name) => inFolder(`${name}.log`)),
        ...['ledger', 'app', 'crm'].map((name) => inFolder(`${name}/server.log`)),
      ],
      async kill(component) {
        if (!hasEnded(component)) process.kill(pidOf(component), 'SIGKILL');
        await running.get(component)?.stop();
      },
      restart,
      suspend: (component, isSuspended) => signalTree(pidOf(component), isSuspended ? 'SIGSTOP' : 'SIGCONT'),
      async moveClock(component, offsetMs) {
        const file = inFolder(`${component}.clock`);
        while (!existsSync(file) && !hasEnded(component)) await sleep(50);
        writeFileSync(file, String(offsetMs));
        if (!hasEnded(component)) process.kill(pidOf(component), 'SIGUSR2');
      },
      async supervise() {
        const ended = LETHE_PROCESSES.filter(hasEnded);
        await Promise.all(ended.map(restart));
        return ended;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The command of the script in package.json, with its flags. */
function argumentsOf(script: string): string[] {
  const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const [, ...args] = (scripts[script] ?? '').split(' ');
  return args.map((arg) => (arg.endsWith('.ts') ? join(ROOT, arg) : arg));
}

const urlAt = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres`;

export const DRILL_SESSION = 'lethe-drill';

/** Statements of the drill name people, so they must not reach the server's log, which is searched for them. */
function connectUnlogged(url: string): postgres.Sql {
  const connection = {
    application_name: DRILL_SESSION,
    log_statement: 'none',
    log_min_duration_statement: -1,
    log_min_error_statement: 'panic',
    log_lock_waits: false,
  };
  return postgres(url, { max: 3, connect_timeout: 5, onnotice: () => {}, backoff: () => 0.1, connection });
}

async function prepareSystems(sql: Readonly<Record<SystemName, postgres.Sql>>): Promise<void> {
  await sql.app.unsafe(readFileSync(join(ROOT, 'dev/demo/data/schema.sql'), 'utf8'));
  await sql.crm.unsafe(readFileSync(join(DEPLOYMENT, 'crm.sql'), 'utf8'));
  const { definitions } = readDeployment(await loadDeployment(join(DEPLOYMENT, 'drill.config.ts')));
  for (const name of SYSTEMS) {
    const definition = definitions.get(PROJECT)?.get(name);
    await sql[name].unsafe(definition?.setupSql?.({ system: qualifiedSystemName(PROJECT, name) }) ?? '');
  }
}

async function addOwner(ledgerUrl: string): Promise<string> {
  const database = connect(ledgerUrl, { connections: 1 });
  await ensureProjects(database, [PROJECT]);
  const owner = { project: PROJECT, name: 'drill', role: 'owner', actor: 'drill', at: new Date() } as const;
  const { token } = await addMemberOrToken(database, owner);
  await database.$client.end();
  return token;
}

/** Needs the right to mount. Without it, the fault `archives full` makes the folder unusable instead. */
function mountSmall(folder: string): boolean {
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${ARCHIVES_SIZE},mode=0700`, 'lethe-drill', folder];
    execFileSync('mount', options, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function removeFolder(folder: string): void {
  try {
    execFileSync('umount', ['--lazy', join(folder, 'archives')], { stdio: 'ignore' });
  } catch {
    // The archives are not a file system of their own.
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Removes the folders of drills that were killed. Their servers have stopped with them. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(FOLDER)))
    if (!isAlive(Number(name.slice(FOLDER.length).split('-')[0]))) removeFolder(join(tmpdir(), name));
}

async function untilReady(apiUrl: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50))
    if ((await fetch(`${apiUrl}/healthz`).catch(() => null))?.ok === true) return;
  throw new Error('the API did not start within a minute');
}

async function untilPolling(logFile: string): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(100))
    if (readFileSync(logFile, 'utf8').includes('"polling"')) return;
  throw new Error(`the worker did not start within two minutes:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`);
}

/** PostgreSQL has a process per connection. Those that start meanwhile wait for the suspended parent. */
function signalTree(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const children = processes.filter(([, parent]) => parent === pid).flatMap(([child = 0]) => child);
  for (const each of [pid, ...children]) {
    try {
      process.kill(each, signal);
    } catch (error) {
      // A process of a connection may have ended since.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}
