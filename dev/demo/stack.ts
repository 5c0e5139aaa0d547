import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { childEnvironment, demoEnvironment } from '../../config/environment.ts';
import { connect, type Database } from '../../db/client.ts';
import { addMemberOrToken } from '../../db/members/members.ts';
import { ensureProjects } from '../../db/project-lock.ts';
import { migrate } from '../../db/migrate.ts';
import { revokeToken } from '../../db/members/tokens.ts';
import { assertReachable, assertPortFree, freePort, isPortFree } from '../embedded/ports.ts';
import { startPostgres } from '../embedded/postgres/postgres.ts';
import { type ServerProcess, startServer } from '../embedded/child-process.ts';
import { startTemporal } from '../embedded/temporal/temporal.ts';
import { makeDatabases, prepareSystem } from './databases.ts';
import { type DemoData, isSeeded, seedDemo, sizeOf } from './data/generate.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** State that the demo keeps between runs. `rm -r .lethe/demo` deletes it. */
export const STATE_FOLDER = join(ROOT, '.lethe/demo');

/** What runs beside the servers of every demo. */
export interface Beside {
  /** For the API and the worker. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface Variant<Own extends Beside> {
  readonly stateFolder: string;
  /** Path of the configuration file in this folder. */
  readonly config: string;
  /** Follows the name of both databases. */
  readonly suffix: string;
  startBeside(demoUrl: string, reporter: Reporter): Promise<Own>;
}

export interface Stack {
  readonly demoUrl: string;
  readonly apiUrl: string;
  readonly uiUrl: string | null;
  readonly token: string;
  /** Relative to the working directory. Sets LETHE_URL and LETHE_TOKEN. */
  readonly environmentFile: string;
  /** Throws with the end of the log when the API or the worker has ended. */
  assertAlive(): void;
  stop(): Promise<void>;
}

export interface Reporter {
  report(line: string): void;
  begin(component: string): void;
}

/** Starts the stack of the database alone. */
export const startStack = (data: DemoData, reporter: Reporter, stateFolder = STATE_FOLDER): Promise<Stack> =>
  startStackWith(data, reporter, {
    stateFolder,
    config: 'demo.config.ts',
    suffix: '',
    startBeside: async () => ({ environment: {}, stop: async () => undefined }),
  });

/** Starts each server that the environment does not name, and reports which one is used. */
export async function startStackWith<Own extends Beside>(
  data: DemoData,
  { report, begin }: Reporter,
  { stateFolder, suffix, startBeside, ...variant }: Variant<Own>,
): Promise<Stack & { readonly beside: Own }> {
  const config = join(import.meta.dirname, variant.config);
  sizeOf(data);
  const given = demoEnvironment();
  const secrets = readSecrets(stateFolder);
  const environmentFile = join(stateFolder, 'env');
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const component of started.splice(0).toReversed()) await component.stop();
  };
  try {
    // Configured addresses are checked before anything is started.
    if (given.port !== undefined) await assertPortFree(given.port, 'the API');
    if (given.temporalAddress !== undefined) await assertReachable(given.temporalAddress, 'TEMPORAL_ADDRESS');
    if (given.databaseUrl !== undefined) await assertReachable(addressOf(given.databaseUrl), 'DATABASE_URL');
    begin('PostgreSQL');
    const database = given.databaseUrl ?? (await embeddedPostgres());
    report(
      `PostgreSQL   ${hostOf(database)}${given.databaseUrl === undefined ? ', started by the demo' : ', from DATABASE_URL'}`,
    );
    begin('Temporal');
    const temporal = given.temporalAddress === undefined ? await embeddedTemporal() : null;
    const address = given.temporalAddress ?? temporal?.address ?? '';
    report(`Temporal     ${address}${temporal === null ? ', from TEMPORAL_ADDRESS' : ', started by the demo'}`);

    const urls = await makeDatabases(database, suffix);
    await migrate(urls.lethe);
    if (!(await isSeeded(urls.demo, data))) {
      begin('the import of demo data');
      await seedDemo(urls.demo, data);
      const { users, events } = sizeOf(data);
      report(`data         ${users} users with ${events} events, seeded`);
    }
    const beside = await startBeside(urls.demo, { report, begin });
    started.push(beside);
    begin('the API and the worker');
    await prepareSystem(urls.demo, readDeployment(await loadDeployment(config)));

    const port = given.port ?? (await preferredPort(8080));
    const token = await createOwnerToken(urls.lethe);
    started.push({ stop: token.revoke });
    const environment = childEnvironment({
      DATABASE_URL: urls.lethe,
      DEMO_DATABASE_URL: urls.demo,
      TEMPORAL_ADDRESS: address,
      LETHE_CONFIG: config,
      LETHE_DIGEST_KEYS: given.digestKeys ?? secrets.digestKeys,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'info',
      LETHE_ARCHIVES: pathToFileURL(join(stateFolder, 'archives')).href,
      LETHE_PUBLIC_URL: `http://127.0.0.1:${port}`,
      MAIL_URL: pathToFileURL(join(stateFolder, 'outbox')).href,
      ...beside.environment,
    });
    const api = await startProcess('api', 'api/server.ts', environment);
    const worker = await startProcess('worker', 'worker.ts', environment);
    const apiUrl = `http://127.0.0.1:${port}`;
    const assertAlive = (): void => [api, worker].forEach(throwIfEnded);
    await waitUntil(async () => (await fetch(`${apiUrl}/readyz`).catch(() => null))?.ok === true, api, assertAlive);
    await waitUntil(() => worker.child.log().includes('"polling"'), worker, assertAlive);
    report(`API          ${apiUrl}`);
    started.push({ stop: async () => rmSync(environmentFile, { force: true }) });
    writeFileSync(environmentFile, `export LETHE_URL=${apiUrl}\nexport LETHE_TOKEN=${token.text}\n`, { mode: 0o600 });
    return {
      beside,
      demoUrl: urls.demo,
      apiUrl,
      uiUrl: temporal?.uiUrl ?? null,
      token: token.text,
      environmentFile: relative('', environmentFile),
      assertAlive,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }

  async function embeddedPostgres(): Promise<string> {
    const server = await startPostgres({ dir: join(stateFolder, 'postgres') });
    started.push(server);
    return Object.assign(new URL(server.url), { pathname: '/lethe' }).href;
  }

  async function embeddedTemporal(): Promise<{ address: string; uiUrl: string }> {
    // Histories are kept only with the embedded database: their requests exist in no other one.
    const keep = given.databaseUrl === undefined ? { dbFile: join(stateFolder, 'temporal.db') } : {};
    const server = await startTemporal({ ...keep, port: await preferredPort(7233), uiPort: await preferredPort(8233) });
    started.push(server);
    return server;
  }

  async function startProcess(name: string, file: string, env: Record<string, string>): Promise<NamedProcess> {
    mkdirSync(stateFolder, { recursive: true });
    const command = {
      program: process.execPath,
      args: [join(ROOT, file)],
      signals: ['TERM', 'KILL'] as [string, string],
    };
    const child = await startServer({ ...command, env, logFile: join(stateFolder, `${name}.log`) });
    started.push(child);
    return { name, child };
  }
}

interface NamedProcess {
  readonly name: string;
  readonly child: ServerProcess;
}

function throwIfEnded({ name, child }: NamedProcess): void {
  if (child.hasExited())
    throw new Error(`The ${name} process ended unexpectedly. The end of its log:\n${child.log().slice(-2_000)}`);
}

async function waitUntil(
  isReady: () => boolean | Promise<boolean>,
  { name, child }: NamedProcess,
  assertAlive: () => void,
): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    assertAlive();
    if (await isReady()) return;
  }
  throw new Error(
    `The ${name} process was not ready within a minute. The end of its log:\n${child.log().slice(-2_000)}`,
  );
}

/** Creates a token for this run. `revoke` ends it. */
async function createOwnerToken(url: string): Promise<{ text: string; revoke(): Promise<void> }> {
  const { tokenId, token, memberId } = await withLedger(url, async (database) => {
    await ensureProjects(database, ['demo']);
    return addMemberOrToken(database, { project: 'demo', name: 'demo', role: 'owner', actor: 'demo', at: new Date() });
  });
  const actor = { project: 'demo', memberId, tokenId, role: 'owner', kinds: null, expiryLimit: null } as const;
  return {
    text: token,
    // An unreachable database must not prevent the other components from stopping.
    revoke: () =>
      withLedger(url, async (database) => {
        const revocation = { id: tokenId, anyMember: false, descendants: false, at: new Date() };
        await revokeToken(database, actor, revocation).catch(() => undefined);
      }),
  };
}

async function withLedger<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = connect(url, { connections: 1 });
  try {
    return await work(database);
  } finally {
    await database.$client.end({ timeout: 1 });
  }
}

export const preferredPort = async (preferred: number): Promise<number> =>
  (await isPortFree(preferred)) ? preferred : freePort();

const hostOf = (url: string): string => new URL(url).host;

const addressOf = (url: string): string => {
  const { hostname, port } = new URL(url);
  return `${hostname || '127.0.0.1'}:${port || '5432'}`;
};

const Secrets = z.object({ digestKeys: z.string() });

/** Created on the first run and kept: digests can only be compared under the key that made them. */
function readSecrets(stateFolder: string): z.output<typeof Secrets> {
  const file = join(stateFolder, 'secrets.json');
  mkdirSync(stateFolder, { recursive: true });
  if (!existsSync(file)) {
    const secrets = { digestKeys: `demo:${randomBytes(32).toString('base64url')}` };
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  return Secrets.parse(JSON.parse(readFileSync(file, 'utf8')));
}
