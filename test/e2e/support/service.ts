import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { z } from 'zod';
import { loadDeployment, readDeployment } from '../../../config/deployment.ts';
import { connect } from '../../../db/client.ts';
import { memberWithToken } from '../../../db/members/members.ts';
import { prepareSystem } from '../../../dev/demo/databases.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { type Supervised, supervise } from '../../../dev/embedded/child-process.ts';

/** Lethe as an operator runs it: api and worker as processes of their own. Whatever was started ends with the file. */

const ROOT = resolve(import.meta.dirname, '../../..');
const CONFIG = join(import.meta.dirname, 'lethe.config.ts');
const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
const SCRIPTS = Manifest.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))).scripts;
const DIGEST_KEYS = `k1:${Buffer.alloc(32, 9).toString('base64url')}`;

const closing: (() => unknown)[] = [];
/** In reverse order, and each of them even when another fails. */
export const atTheEnd = (close: () => unknown): void => void closing.push(close);
afterAll(async () => {
  const results = [];
  for (const close of closing.splice(0).toReversed())
    results.push(...(await Promise.allSettled([Promise.resolve().then(close)])));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}, 90_000);

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lethe-e2e-'));
  atTheEnd(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Below a folder that only its owner may enter, as mkdtemp makes it, root's cluster would go elsewhere. */
export function openFolder(): string {
  const path = join(tmpdir(), `lethe-e2e-${process.pid}-${Math.random().toString(36).slice(2)}`);
  atTheEnd(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A session whose own statements a server that logs everything does not log: it may hold what must be found nowhere. */
export function quietly(url: string): postgres.Sql {
  const connection = { log_statement: 'none', log_min_duration_statement: -1, log_min_error_statement: 'panic' };
  const sql = postgres(url, { max: 2, onnotice: () => {}, connection });
  atTheEnd(() => sql.end({ timeout: 1 }));
  return sql;
}

/** The demo's schema, and Lethe's own beside it. */
export async function prepareApp(url: string): Promise<postgres.Sql> {
  const sql = quietly(url);
  await sql.unsafe(readFileSync(join(ROOT, 'dev/demo/data/schema.sql'), 'utf8'));
  await sql.unsafe('CREATE SEQUENCE app.numbers');
  await prepareSystem(url, readDeployment(await loadDeployment(CONFIG)));
  return sql;
}

export interface Service {
  readonly apiUrl: string;
  readonly api: Supervised;
  readonly token: string;
  /** Another process on the same ledger. */
  startApi(more?: Readonly<Record<string, string>>): Promise<{ readonly apiUrl: string; readonly api: Supervised }>;
  startWorker(more?: Readonly<Record<string, string>>): Promise<Supervised>;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}
export interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly text: string;
}

export async function startService(at: {
  readonly ledgerUrl: string;
  readonly appUrl: string;
  readonly temporalAddress: string;
  readonly config?: string;
  readonly archives?: string;
}): Promise<Service> {
  const logs = folder();
  const env = {
    DATABASE_URL: at.ledgerUrl,
    APP_URL: at.appUrl,
    TEMPORAL_ADDRESS: at.temporalAddress,
    LETHE_CONFIG: at.config ?? CONFIG,
    LETHE_DIGEST_KEYS: DIGEST_KEYS,
    LOG_LEVEL: 'debug',
    LETHE_ARCHIVES: `file:${at.archives ?? folder()}`,
    MAIL_URL: `file:${folder()}`,
  };
  let processes = 0;
  /** As the script of package.json does, flags included: `node … worker.ts`. */
  const start = async (script: 'start:api' | 'start:worker', more: Readonly<Record<string, string>>) => {
    const [, ...args] = (SCRIPTS[script] ?? '').split(' ').map((arg) => (arg.endsWith('.ts') ? join(ROOT, arg) : arg));
    const command = { command: process.execPath, args, env: { ...env, ...more } };
    const logFile = join(logs, `${++processes}.log`);
    const child = await supervise({ ...command, signals: ['TERM', 'KILL'], logFile });
    atTheEnd(() => child.stop());
    return child;
  };
  const startApi: Service['startApi'] = async (more = {}) => {
    const port = String(await freePort());
    const apiUrl = `http://127.0.0.1:${port}`;
    const api = await start('start:api', { ...more, PORT: port });
    await until(
      'the API listens',
      async () => (await fetch(`${apiUrl}/healthz`).catch(() => null))?.ok === true,
      () => api.log(),
    );
    return { apiUrl, api };
  };
  const { apiUrl, api } = await startApi();
  const database = connect(at.ledgerUrl, { connections: 1 });
  const owner = { project: 'demo', name: 'end to end', role: 'owner', actor: 'test', at: new Date() } as const;
  const { token } = await memberWithToken(database, owner);
  await database.$client.end();
  return {
    apiUrl,
    api,
    token,
    startApi,
    startWorker: (more = {}) => start('start:worker', more),
    async call(method, path, body, headers = {}) {
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
      const all = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers };
      const answer = await fetch(`${apiUrl}${path}`, { method, headers: all, ...sent });
      return { status: answer.status, headers: JSON.stringify([...answer.headers]), text: await answer.text() };
    },
  };
}

export const polls = (worker: Supervised): Promise<void> =>
  until(
    'the worker polls',
    async () => worker.log().includes('"polling"'),
    () => worker.log(),
  );

/** Bounded, with what was last known of it where it never happens. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  known: () => unknown = () => '',
  patienceMs = 120_000,
): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(100)) if (await holds()) return;
  const last: unknown = await known();
  throw new Error(`never: ${what}\n${(typeof last === 'string' ? last : JSON.stringify(last)).slice(-3_000)}`);
}

const Accepted = z.object({ id: z.string() });
const Status = z.object({
  status: z.string(),
  heldSubjects: z.number(),
  attention: z.array(z.object({ code: z.string() })),
  subjects: z.object({ states: z.record(z.string(), z.number()) }),
});
const Receipt = z.object({
  final: z.boolean(),
  subjects: z.record(z.string(), z.number()),
  outcomes: z.record(z.string(), z.number()),
  systems: z.array(
    z.object({
      state: z.string(),
      survivors: z.number().nullable(),
      tables: z.array(
        z.object({ table: z.string(), removed: z.number(), retained: z.array(z.object({ rows: z.number() })) }),
      ),
    }),
  ),
});

/** What a caller asks of a request, and what it is told. */
export function caller({ call }: Service) {
  const status = async (id: string) => Status.parse(JSON.parse((await call('GET', `/v1/requests/${id}`)).text));
  const accepted = async (path: string, body: object, expected: number): Promise<string> => {
    const answer = await call('POST', path, body);
    if (answer.status !== expected) throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
    return Accepted.parse(JSON.parse(answer.text)).id;
  };
  return {
    status,
    submit: (subjects: object, more: object = {}) =>
      accepted('/v1/requests', { project: 'demo', kind: 'deletion', regulation: 'gdpr', subjects, ...more }, 202),
    hold: (identities: object[]) =>
      accepted('/v1/holds', { project: 'demo', kind: 'user', identities, caseRef: 'C-7', heldBy: 'counsel' }, 201),
    async release(hold: string): Promise<void> {
      const answer = await call('DELETE', `/v1/holds/${hold}`);
      if (answer.status !== 204) throw new Error(`not released: ${answer.text}`);
    },
    reaches: (id: string, wanted: string, patienceMs?: number): Promise<void> =>
      until(
        `the request is ${wanted}`,
        async () => (await status(id)).status === wanted,
        () => status(id),
        patienceMs,
      ),
    /** Rows removed or retained per table, and what became of the subjects. */
    async receipt(id: string) {
      const { systems, ...told } = Receipt.parse(JSON.parse((await call('GET', `/v1/requests/${id}/receipt`)).text));
      const tables = systems.flatMap((system) => system.tables);
      const figures = tables.map(
        ({ table, removed, retained }) => [table, removed + retained.reduce((sum, { rows }) => sum + rows, 0)] as const,
      );
      const ends = systems.map(({ state, survivors }) => ({ state, survivors }));
      return { ...told, ends, figures: Object.fromEntries(figures) };
    },
  };
}
