import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadDeployment, readDeployment } from '../../config/deployment.ts';
import { childEnvironment, demoEnvironment } from '../../config/environment.ts';
import { migrate } from '../../db/migrate.ts';
import { assertPortFree, freePort, isPortFree } from '../ports.ts';
import { startPostgres } from '../postgres.ts';
import { type Supervised, supervise } from '../supervise.ts';
import { startTemporal } from '../temporal.ts';
import { makeDatabases, prepareProcessor } from './databases.ts';
import { type DemoData, isSeeded, seedDemo } from './generate.ts';
import { STATE, secrets } from './state.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CONFIG = join(ROOT, 'dev/demo.config.ts');

export interface Stack {
  readonly demoUrl: string;
  readonly apiUrl: string;
  readonly uiUrl: string | null;
  readonly token: string;
  /** Throws, naming it and its last words, when something that was started has ended by itself. */
  assertAlive(): void;
  stop(): Promise<void>;
}

/** Everything that Lethe needs and that the environment does not name; `say` tells which is which. */
export async function startStack(data: DemoData, say: (line: string) => void): Promise<Stack> {
  const given = demoEnvironment();
  const made = secrets();
  const started: { name: string; stop(): Promise<void>; process?: Supervised }[] = [];
  const stop = async (): Promise<void> => {
    for (const { stop: end } of started.splice(0).toReversed()) await end();
  };
  try {
    const database = given.databaseUrl ?? (await embeddedPostgres());
    say(
      `PostgreSQL   ${hostOf(database)}${given.databaseUrl === undefined ? ', started here' : ', from DATABASE_URL'}`,
    );
    const temporal = given.temporalAddress === undefined ? await embeddedTemporal() : null;
    const address = given.temporalAddress ?? temporal?.address ?? '';
    say(`Temporal     ${address}${temporal === null ? ', from TEMPORAL_ADDRESS' : ', started here'}`);

    const urls = await makeDatabases(database);
    await migrate(urls.lethe);
    if (!(await isSeeded(urls.demo, data))) {
      say(`seeding      ${data.scale * 500_000} events of ${data.scale * 50_000} users`);
      await seedDemo(urls.demo, data);
    }
    await prepareProcessor(urls.demo, readDeployment(await loadDeployment(CONFIG)));

    const port = await apiPort(given.port);
    const token = given.token ?? made.token;
    const environment = childEnvironment({
      DATABASE_URL: urls.lethe,
      DEMO_DATABASE_URL: urls.demo,
      TEMPORAL_ADDRESS: address,
      LETHE_CONFIG: CONFIG,
      LETHE_TOKEN: token,
      LETHE_DIGEST_KEYS: given.digestKeys ?? made.digestKeys,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'info',
    });
    const api = await startProcess('api', 'api/server.ts', environment);
    const worker = await startProcess('worker', 'worker.ts', environment);
    const apiUrl = `http://127.0.0.1:${port}`;
    const assertAlive = (): void => [api, worker].forEach(failWhenEnded);
    await until(async () => (await fetch(`${apiUrl}/readyz`).catch(() => null))?.ok === true, api, assertAlive);
    await until(() => worker.child.log().includes('"polling"'), worker, assertAlive);
    say(`API          ${apiUrl}`);
    return { demoUrl: urls.demo, apiUrl, uiUrl: temporal?.uiUrl ?? null, token, assertAlive, stop };
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
      command: process.execPath,
      args: [join(ROOT, file)],
      signals: ['TERM', 'KILL'] as [string, string],
    };
    const child = await supervise({ ...command, env, logFile: join(STATE, `${name}.log`) });
    started.push({ name, stop: child.stop });
    return { name, child };
  }
}

interface Named {
  readonly name: string;
  readonly child: Supervised;
}

function failWhenEnded({ name, child }: Named): void {
  if (child.ended())
    throw new Error(`the ${name} process has ended by itself. Its last words:\n${child.log().slice(-2_000)}`);
}

async function until(
  isReady: () => boolean | Promise<boolean>,
  { name }: Named,
  assertAlive: () => void,
): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    assertAlive();
    if (await isReady()) return;
  }
  throw new Error(`the ${name} was not ready within a minute: see ${join(STATE, `${name}.log`)}`);
}

/** A port that was asked for must be free; the usual one is only a wish. */
async function apiPort(given: number | undefined): Promise<number> {
  if (given === undefined) return portNear(8080);
  await assertPortFree(given, 'the API');
  return given;
}

const portNear = async (usual: number): Promise<number> => ((await isPortFree(usual)) ? usual : freePort());

const hostOf = (url: string): string => new URL(url).host;
