import type { BlockList } from 'node:net';
import { pino } from 'pino';
import { afterAll } from 'vitest';
import type { ArchiveStorage } from '../../../archives/storage/storage.ts';
import { archives, PUBLIC_URL } from '../../support/archives.ts';
import { createApp } from '../../../api/app.ts';
import type { LiveProgress } from '../../../api/temporal/live-progress.ts';
import type { Orchestrator } from '../../../api/temporal/orchestrator.ts';
import { API_TIMEOUTS, type Client, connect, type Database, type Timeouts } from '../../../db/client.ts';
import { createDigestKeys, requireDigestKeys } from '../../../db/digests.ts';
import { type AddedMember as TestMember, addMemberOrToken } from '../../../db/members/members.ts';
import { ensureProjects } from '../../../db/project-lock.ts';
import type { Catalog, Project } from '../../../domain/catalog.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { type Role, SCOPES } from '../../../domain/vocabulary.ts';
import { ledgerDatabase } from '../../support/databases.ts';
import { assertConforms } from '../openapi/document.ts';

export const KEYS = createDigestKeys([
  { id: 'k2', key: Buffer.alloc(32, 2) },
  { id: 'k1', key: Buffer.alloc(32, 1) },
]);
/** A Monday, 10:00 UTC. */
export const START = new Date('2026-11-23T10:00:00.000Z');
/** The first run after the grace period of requests accepted at START. */
export const RUN = new Date('2026-12-08T02:00:00.000Z');

const exact = { comparison: 'exact', parts: 1 } as const;

export const PROJECT: Project = {
  name: 'demo',
  directory: 'app',
  policy: {
    graceMs: 14 * DAY_MS,
    window: { dailyAtMs: 2 * HOUR_MS },
    quotaPerRun: 10_000,
    settleMs: DAY_MS,
    subjectsPerRequest: 2_000,
    subjectsPerUpload: 10_000,
    subjectsPerSegment: 50_000,
    // The clock of these tests stands still, so no call is restored.
    callsPerMinute: 1_000_000_000,
    deadlineMs: { gdpr: 30 * DAY_MS, ccpa: 45 * DAY_MS },
    growth: 0.1,
    exportsKeptMs: 7 * DAY_MS,
    exportFirst: false,
  },
  systems: [
    {
      name: 'app',
      kinds: ['user', 'company'],
      identityTypes: {
        user: {
          user_id: exact,
          alias: exact,
          email: { comparison: 'caseInsensitive', parts: 2 },
          xng_id: { comparison: 'uuid', parts: 1 },
          number: { comparison: 'integer', parts: 1 },
        },
        company: { company_id: { comparison: 'integer', parts: 1 } },
      },
      hides: true,
      segments: true,
      exports: true,
      counts: true,
      suppresses: true,
      scopes: SCOPES,
      verification: 'reads',
      completesWithinMs: DAY_MS,
      dataMapHash: 'a1',
    },
    {
      name: 'mail',
      kinds: ['user'],
      identityTypes: { user: { user_id: exact } },
      hides: false,
      segments: false,
      exports: false,
      counts: true,
      suppresses: true,
      scopes: SCOPES,
      verification: 'attested',
      completesWithinMs: 3 * DAY_MS,
      dataMapHash: 'b2',
    },
  ],
};
export const CATALOG: Catalog = new Map([
  ['demo', PROJECT],
  ['other', { ...PROJECT, name: 'other' }],
]);

/** Records the calls that it gets. Temporal is reachable while `live` is set. */
export class RecordingOrchestrator implements Orchestrator {
  started: string[] = [];
  suppressions: string[] = [];
  signaled: string[] = [];
  /** `project/channel`. */
  notified: string[] = [];
  /** `project/system`. */
  watched: string[] = [];
  live: LiveProgress | null = null;
  async start(requestId: string): Promise<void> {
    this.started.push(requestId);
  }
  async startSuppression(suppressionId: string): Promise<void> {
    this.suppressions.push(suppressionId);
  }
  async signalRequests(requestIds: readonly string[]): Promise<void> {
    this.signaled.push(...requestIds);
  }
  async signalConfirmed(requestId: string): Promise<void> {
    this.signaled.push(requestId);
  }
  async startNotifications(project: string, channel: string): Promise<void> {
    this.notified.push(`${project}/${channel}`);
  }
  async watchSystem(project: string, system: string): Promise<void> {
    this.watched.push(`${project}/${system}`);
  }
  async readProgress(): Promise<LiveProgress | null> {
    return this.live;
  }
  async isReachable(): Promise<boolean> {
    return this.live !== null;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

export type { TestMember };

export interface TestApi {
  readonly app: ReturnType<typeof createApp>;
  readonly database: Database;
  /** The driver of `database`, for the statements of the tests. */
  readonly sql: Client;
  readonly url: string;
  /** The default caller: an owner of `demo`. Calls that name the project `other` use `otherOwner`. */
  readonly owner: TestMember;
  readonly otherOwner: TestMember;
  member(name: string, more?: { readonly role?: Role; readonly project?: string }): Promise<TestMember>;
  readonly orchestrator: RecordingOrchestrator;
  readonly clock: { now: Date };
  /** The machine that calls come from. */
  readonly peer: { remoteAddress: string | undefined };
  /** Returns and clears the statements that used tables of Lethe. */
  statements(): readonly string[];
  readonly log: string[];
  /** `METHOD /path/{id}` of every route, documented or not. */
  readonly routes: readonly string[];
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface TestApiOptions {
  readonly url?: string;
  readonly orchestrator?: Orchestrator;
  readonly bodyLimitBytes?: number;
  readonly project?: Project;
  readonly trustedProxies?: BlockList;
  readonly webhookNetworks?: BlockList;
  readonly storage?: ArchiveStorage;
  readonly timeouts?: Timeouts;
}

/** Creates the API with its own database. Every response is checked against the OpenAPI document. */
export async function testApi(options: TestApiOptions = {}): Promise<TestApi> {
  const url = options.url ?? (await ledgerDatabase()).url;
  const sent: string[] = [];
  const database = connect(url, {
    connections: 4,
    plans: 'kept',
    timeouts: options.timeouts ?? API_TIMEOUTS,
    observe: (statement) => sent.push(statement),
  });
  afterAll(() => database.$client.end({ timeout: 1 }));
  await requireDigestKeys(database, KEYS);
  await ensureProjects(database, ['demo', 'other']);
  const clock = { now: START };
  const member: TestApi['member'] = (name, { role = 'owner', project = 'demo' } = {}) =>
    addMemberOrToken(database, { project, name, role, actor: 'test', at: clock.now });
  const owner = await member(`owner ${crypto.randomUUID()}`);
  const otherOwner = await member(`owner ${crypto.randomUUID()}`, { project: 'other' });
  sent.splice(0);
  const log: string[] = [];
  const orchestrator = new RecordingOrchestrator();
  const peer: TestApi['peer'] = { remoteAddress: '127.0.0.1' };
  const app = createApp({
    database,
    keys: KEYS,
    catalog: options.project === undefined ? CATALOG : new Map([['demo', options.project]]),
    orchestrator: options.orchestrator ?? orchestrator,
    now: () => clock.now,
    storage: options.storage ?? archives(),
    publicUrl: PUBLIC_URL,
    logger: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }),
    ...(options.bodyLimitBytes === undefined ? {} : { bodyLimitBytes: options.bodyLimitBytes }),
    ...(options.webhookNetworks === undefined ? {} : { webhookNetworks: options.webhookNetworks }),
    ...(options.trustedProxies === undefined ? {} : { trustedProxies: options.trustedProxies }),
  });
  return {
    app,
    database,
    sql: database.$client,
    url,
    owner,
    otherOwner,
    member,
    orchestrator,
    clock,
    peer,
    log,
    routes: routesOf(app),
    statements: () => sent.splice(0).filter((statement) => /\blethe"?\./.test(statement)),
    async call(method, path, body, headers = {}) {
      const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const init = {
        method,
        headers: { ...bearerOf(namesOther(path, body) ? otherOwner : owner), ...json, ...headers },
      };
      const sentBody = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
      const response = await app.request(path, { ...init, ...sentBody }, { incoming: { socket: peer } });
      const text = await response.text();
      const type = response.headers.get('Content-Type') ?? '';
      const parsed: unknown = type.includes('json') ? JSON.parse(text) : null;
      if (path !== '/openapi.json')
        await assertConforms(app, { method, path, status: response.status, headers: response.headers, json: parsed });
      return { status: response.status, headers: response.headers, text, json: parsed };
    },
  };
}

function routesOf({ routes }: ReturnType<typeof createApp>): readonly string[] {
  const own = routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(own.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`))];
}

const namesOther = (path: string, body: unknown): boolean =>
  path.includes('project=other') ||
  (typeof body === 'object' && body !== null && Reflect.get(body, 'project') === 'other');

/** The caller: a token, or a member with a token. */
export type By = string | { readonly token: string };
export const bearerOf = (by: By) => ({ Authorization: `Bearer ${typeof by === 'string' ? by : by.token}` });

export interface SentIdentity {
  readonly type: string;
  readonly value: string | readonly string[];
}
export const user = (value: string): SentIdentity => ({ type: 'user_id', value });

export const deletionOf = (identities: readonly unknown[], more: Record<string, unknown> = {}) => ({
  project: 'demo',
  kind: 'deletion',
  regulation: 'gdpr',
  subjects: { kind: 'user', identities },
  ...more,
});

/** A text field of a response, such as an id or a cursor. */
export function textOf(answer: Answer, field: string): string {
  const { json } = answer;
  const value: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, field) : undefined;
  if (typeof value !== 'string') throw new Error(`${field} of ${answer.text} is not a text`);
  return value;
}

/** Stores a deletion of these identities and returns its id. */
export async function submitDeletion(
  api: TestApi,
  identities: readonly SentIdentity[],
  more: Record<string, unknown> = {},
) {
  const answer = await api.call('POST', '/v1/requests', deletionOf(identities, more));
  if (answer.status !== 202) throw new Error(answer.text);
  return textOf(answer, 'id');
}
