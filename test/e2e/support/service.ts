import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { z } from 'zod';
import { loadDeployment, readDeployment } from '../../../config/deployment.ts';
import { connect } from '../../../db/client.ts';
import { addMemberOrToken } from '../../../db/members/members.ts';
import { prepareSystem } from '../../../dev/demo/databases.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { type ServerProcess, startServer } from '../../../dev/embedded/child-process.ts';
import { workflowBundle } from '../../support/run/workflow-bundle.ts';

/** Runs the API and the worker as separate processes, as an operator does. They stop after the test file. */

const ROOT = resolve(import.meta.dirname, '../../..');
const CONFIG = join(import.meta.dirname, 'lethe.config.ts');
const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
const SCRIPTS = Manifest.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))).scripts;
const DIGEST_KEYS = `k1:${Buffer.alloc(32, 9).toString('base64url')}`;

const closing: (() => unknown)[] = [];
/** Registers a cleanup. Cleanups run in reverse order after the test file, also when one fails. */
export const onCleanup = (close: () => unknown): void => void closing.push(close);
afterAll(async () => {
  const results = [];
  for (const close of closing.splice(0).toReversed())
    results.push(...(await Promise.allSettled([Promise.resolve().then(close)])));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}, 90_000);

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lethe-e2e-'));
  onCleanup(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** `mkdtemp` creates folders that only the owner can access. A cluster of root would be stored elsewhere. */
export function accessibleFolder(): string {
  const path = join(tmpdir(), `lethe-e2e-${process.pid}-${Math.random().toString(36).slice(2)}`);
  onCleanup(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Connects with statement logging disabled, so that the test itself does not write canaries to the server's log. */
export function connectUnlogged(url: string): postgres.Sql {
  const connection = { log_statement: 'none', log_min_duration_statement: -1, log_min_error_statement: 'panic' };
  const sql = postgres(url, { max: 2, onnotice: () => {}, connection });
  onCleanup(() => sql.end({ timeout: 1 }));
  return sql;
}

/** Creates the demo's schema and the schema `lethe_system`. */
export async function prepareApp(url: string): Promise<postgres.Sql> {
  const sql = connectUnlogged(url);
  await sql.unsafe(readFileSync(join(ROOT, 'dev/demo/data/schema.sql'), 'utf8'));
  await sql.unsafe('CREATE SEQUENCE app.numbers');
  await prepareSystem(url, readDeployment(await loadDeployment(CONFIG)));
  return sql;
}

export interface Service {
  readonly apiUrl: string;
  readonly api: ServerProcess;
  readonly token: string;
  /** Starts another API process on the same ledger. */
  startApi(more?: Readonly<Record<string, string>>): Promise<{ readonly apiUrl: string; readonly api: ServerProcess }>;
  startWorker(more?: Readonly<Record<string, string>>): Promise<ServerProcess>;
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
  /** The project of the token, `demo` without it. */
  readonly project?: string;
  /** More environment variables of every process. */
  readonly env?: Readonly<Record<string, string>>;
}): Promise<Service> {
  const logs = temporaryFolder();
  const { codePath } = await workflowBundle();
  const env = {
    DATABASE_URL: at.ledgerUrl,
    APP_URL: at.appUrl,
    TEMPORAL_ADDRESS: at.temporalAddress,
    LETHE_CONFIG: at.config ?? CONFIG,
    LETHE_DIGEST_KEYS: DIGEST_KEYS,
    LOG_LEVEL: 'debug',
    LETHE_WORKFLOW_BUNDLE: codePath,
    LETHE_ARCHIVES: `file:${at.archives ?? temporaryFolder()}`,
    MAIL_URL: `file:${temporaryFolder()}`,
    ...at.env,
  };
  let processes = 0;
  /** Uses the command of the script in package.json, including its flags. */
  const start = async (script: 'start:api' | 'start:worker', more: Readonly<Record<string, string>>) => {
    const [, ...args] = (SCRIPTS[script] ?? '').split(' ').map((arg) => (arg.endsWith('.ts') ? join(ROOT, arg) : arg));
    const command = { program: process.execPath, args, env: { ...env, ...more } };
    const logFile = join(logs, `${++processes}.log`);
    const child = await startServer({ ...command, signals: ['TERM', 'KILL'], logFile });
    onCleanup(() => child.stop());
    return child;
  };
  const startApi: Service['startApi'] = async (more = {}) => {
    const port = String(await freePort());
    const apiUrl = `http://127.0.0.1:${port}`;
    const api = await start('start:api', { ...more, PORT: port });
    await waitUntil(
      'the API listens',
      async () => (await fetch(`${apiUrl}/healthz`).catch(() => null))?.ok === true,
      () => api.log(),
    );
    return { apiUrl, api };
  };
  const { apiUrl, api } = await startApi();
  const token = await addOwner(at.ledgerUrl, at.project ?? 'demo');
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

/** Adds an owner to a project and returns the token. */
export async function addOwner(ledgerUrl: string, project: string): Promise<string> {
  const database = connect(ledgerUrl, { connections: 1 });
  const owner = { project, name: 'end-to-end tests', role: 'owner', actor: 'test', at: new Date() } as const;
  const { token } = await addMemberOrToken(database, owner);
  await database.$client.end();
  return token;
}

export const waitUntilPolling = (worker: ServerProcess): Promise<void> =>
  waitUntil(
    'the worker polls',
    async () => worker.log().includes('"polling"'),
    () => worker.log(),
  );

/** Polls until the condition is true. After the timeout, throws with the last known state. */
export async function waitUntil(
  description: string,
  isTrue: () => Promise<boolean>,
  readState: () => unknown = () => '',
  timeoutMs = 120_000,
  pauseMs = 100,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(pauseMs)) if (await isTrue()) return;
  const state: unknown = await readState();
  throw new Error(
    `timed out: ${description}\n${(typeof state === 'string' ? state : JSON.stringify(state)).slice(-3_000)}`,
  );
}

const Accepted = z.object({ id: z.string() });
const Status = z.object({
  status: z.string(),
  heldSubjects: z.number(),
  attention: z.array(z.object({ code: z.string() })),
  waits: z.array(z.object({ reason: z.string() })),
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

/** A status takes several statements, which slow down the work that the test waits for. */
const STATUS_PAUSE_MS = 300;

/** Sends the calls of a caller and parses the responses. */
export function createCaller({ call }: Service) {
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
      if (answer.status !== 204) throw new Error(`the hold was not released: ${answer.text}`);
    },
    waitForStatus: (id: string, expected: string, timeoutMs?: number): Promise<void> =>
      waitUntil(
        `the request is ${expected}`,
        async () => (await status(id)).status === expected,
        () => status(id),
        timeoutMs,
        STATUS_PAUSE_MS,
      ),
    /** Reads the receipt, with the number of removed and retained rows per table. */
    async receipt(id: string) {
      const { systems, ...receipt } = Receipt.parse(JSON.parse((await call('GET', `/v1/requests/${id}/receipt`)).text));
      const tables = systems.flatMap((system) => system.tables);
      const figures = tables.map(
        ({ table, removed, retained }) => [table, removed + retained.reduce((sum, { rows }) => sum + rows, 0)] as const,
      );
      const ends = systems.map(({ state, survivors }) => ({ state, survivors }));
      return { ...receipt, ends, figures: Object.fromEntries(figures) };
    },
  };
}
