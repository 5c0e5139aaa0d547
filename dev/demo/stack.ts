import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { childEnvironment, demoEnvironment } from '../../config/environment.ts';
import { connect, type Database } from '../../db/client.ts';
import { memberWithToken } from '../../db/members/members.ts';
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
const CONFIG = join(ROOT, 'dev/demo/demo.config.ts');
/** What the demo keeps between runs: git-ignored, and gone with `rm -r .lethe/demo`. */
const STATE = join(ROOT, '.lethe/demo');

export interface Stack {
  readonly demoUrl: string;
  readonly apiUrl: string;
  readonly uiUrl: string | null;
  readonly token: string;
  /** Throws, naming it and its last words, when something that was started has ended by itself. */
  assertAlive(): void;
  stop(): Promise<void>;
}

/** Tells what there is, and on a terminal what is being waited for meanwhile. */
export interface Teller {
  say(line: string): void;
  begin(what: string): void;
}

/** Everything that Lethe needs and that the environment does not name; it is told which is which. */
export async function startStack(data: DemoData, { say, begin }: Teller): Promise<Stack> {
  sizeOf(data);
  const given = demoEnvironment();
  const made = readSecrets();
  const started: { name: string; stop(): Promise<void>; process?: ServerProcess }[] = [];
  const stop = async (): Promise<void> => {
    for (const { stop: end } of started.splice(0).toReversed()) await end();
  };
  try {
    // What was asked for and cannot be is told before anything is started.
    if (given.port !== undefined) await assertPortFree(given.port, 'the API');
    if (given.temporalAddress !== undefined) await assertReachable(given.temporalAddress, 'TEMPORAL_ADDRESS');
    if (given.databaseUrl !== undefined) await assertReachable(addressOf(given.databaseUrl), 'DATABASE_URL');
    begin('PostgreSQL');
    const database = given.databaseUrl ?? (await embeddedPostgres());
    say(
      `PostgreSQL   ${hostOf(database)}${given.databaseUrl === undefined ? ', started here' : ', from DATABASE_URL'}`,
    );
    begin('Temporal');
    const temporal = given.temporalAddress === undefined ? await embeddedTemporal() : null;
    const address = given.temporalAddress ?? temporal?.address ?? '';
    say(`Temporal     ${address}${temporal === null ? ', from TEMPORAL_ADDRESS' : ', started here'}`);

    const urls = await makeDatabases(database);
    await migrate(urls.lethe);
    if (!(await isSeeded(urls.demo, data))) {
      begin('the demo data');
      await seedDemo(urls.demo, data);
      const { users, events } = sizeOf(data);
      say(`data         ${users} users with ${events} events, seeded`);
    }
    begin('API and worker');
    await prepareSystem(urls.demo, readDeployment(await loadDeployment(CONFIG)));

    const port = given.port ?? (await portNear(8080));
    const token = await ownerToken(urls.lethe);
    started.push({ name: 'the token', stop: token.end });
    const environment = childEnvironment({
      DATABASE_URL: urls.lethe,
      DEMO_DATABASE_URL: urls.demo,
      TEMPORAL_ADDRESS: address,
      LETHE_CONFIG: CONFIG,
      LETHE_DIGEST_KEYS: given.digestKeys ?? made.digestKeys,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'info',
      LETHE_ARCHIVES: pathToFileURL(join(STATE, 'archives')).href,
      LETHE_PUBLIC_URL: `http://127.0.0.1:${port}`,
      MAIL_URL: pathToFileURL(join(STATE, 'outbox')).href,
    });
    const api = await startProcess('api', 'api/server.ts', environment);
    const worker = await startProcess('worker', 'worker.ts', environment);
    const apiUrl = `http://127.0.0.1:${port}`;
    const assertAlive = (): void => [api, worker].forEach(failWhenEnded);
    await until(async () => (await fetch(`${apiUrl}/readyz`).catch(() => null))?.ok === true, api, assertAlive);
    await until(() => worker.child.log().includes('"polling"'), worker, assertAlive);
    say(`API          ${apiUrl}`);
    return { demoUrl: urls.demo, apiUrl, uiUrl: temporal?.uiUrl ?? null, token: token.text, assertAlive, stop };
  } catch (error) {
    await stop();
    throw error;
  }

  async function embeddedPostgres(): Promise<string> {
    const server = await startPostgres({ dir: join(STATE, 'postgres') });
    started.push({ name: 'PostgreSQL', stop: server.stop });
    return Object.assign(new URL(server.url), { pathname: '/lethe' }).href;
  }

  async function embeddedTemporal(): Promise<{ address: string; uiUrl: string }> {
    // A history is kept only beside the rows it belongs to: on another database it would find nothing.
    const keep = given.databaseUrl === undefined ? { dbFile: join(STATE, 'temporal.db') } : {};
    const server = await startTemporal({ ...keep, port: await portNear(7233), uiPort: await portNear(8233) });
    started.push({ name: 'Temporal', stop: server.stop });
    return server;
  }

  async function startProcess(name: string, file: string, env: Record<string, string>): Promise<Named> {
    mkdirSync(STATE, { recursive: true });
    const command = {
      program: process.execPath,
      args: [join(ROOT, file)],
      signals: ['TERM', 'KILL'] as [string, string],
    };
    const child = await startServer({ ...command, env, logFile: join(STATE, `${name}.log`) });
    started.push({ name, stop: child.stop });
    return { name, child };
  }
}

interface Named {
  readonly name: string;
  readonly child: ServerProcess;
}

function failWhenEnded({ name, child }: Named): void {
  if (child.hasExited())
    throw new Error(`the ${name} process has ended by itself. Its last words:\n${child.log().slice(-2_000)}`);
}

async function until(
  isReady: () => boolean | Promise<boolean>,
  { name, child }: Named,
  assertAlive: () => void,
): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    assertAlive();
    if (await isReady()) return;
  }
  throw new Error(`the ${name} process was not ready within a minute. Its last words:\n${child.log().slice(-2_000)}`);
}

/** Each start of the demo mints one, and its end revokes it: a token that was shown is stored nowhere. */
async function ownerToken(url: string): Promise<{ text: string; end(): Promise<void> }> {
  const { tokenId, token, memberId } = await withLedger(url, async (database) => {
    await ensureProjects(database, ['demo']);
    return memberWithToken(database, { project: 'demo', name: 'demo', role: 'owner', actor: 'demo', at: new Date() });
  });
  const actor = { project: 'demo', memberId, tokenId };
  return {
    text: token,
    // A database that went away first keeps nothing else from being stopped.
    end: () =>
      withLedger(url, (database) =>
        revokeToken(database, actor, { id: tokenId, anyMember: false, at: new Date() }).catch(() => undefined),
      ),
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

/** The usual port is only a wish. */
const portNear = async (usual: number): Promise<number> => ((await isPortFree(usual)) ? usual : freePort());

const hostOf = (url: string): string => new URL(url).host;

const addressOf = (url: string): string => {
  const { hostname, port } = new URL(url);
  return `${hostname || '127.0.0.1'}:${port || '5432'}`;
};

const Secrets = z.object({ digestKeys: z.string() });

/** Made at the first run and kept: rows written with a digest key can only be found with it. */
function readSecrets(): z.output<typeof Secrets> {
  const file = join(STATE, 'secrets.json');
  mkdirSync(STATE, { recursive: true });
  if (!existsSync(file)) {
    const made = { digestKeys: `demo:${randomBytes(32).toString('base64url')}` };
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  return Secrets.parse(JSON.parse(readFileSync(file, 'utf8')));
}
