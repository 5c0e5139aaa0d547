import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { retryAfterMs } from '../../../domain/network/retry-after.ts';
import type { ConnectorContext } from '../../connector.ts';
import { runCallback } from '../../callbacks.ts';
import { HttpError } from '../failure.ts';
import { Path } from '../path.ts';
import { addQuery, encodeBody } from './body.ts';
import { toAnswer } from './answer.ts';
import type { Exchange, Incoming, Method, Outgoing } from './exchange.ts';
import { type Host, pathOnHost, urlOf } from './host.ts';
import type { Answer, Api, Sent, SentGone, Verb } from './types.ts';

/** What the functions of one opened system share. */
export interface ApiOptions {
  readonly exchange: Exchange;
  /** The main host has the name ''. */
  readonly hosts: ReadonlyMap<string, Host>;
  readonly secrets: ReadonlyMap<string, string>;
  readonly lanes: readonly string[];
  readonly idempotencyHeader: string;
}

/** What the functions of one call of the connector share. */
export interface CallOptions {
  readonly context: Pick<ConnectorContext, 'signal' | 'heartbeat' | 'waitForSlot' | 'postponeLane'>;
  /** Null: the calls take no slot, as those of a login. */
  readonly lane: string | null;
  /** The idempotency key of a call that `call` names. */
  keyOf(call: string): string;
}

/** For calls outside a verb, such as those of a login. */
export const withoutLanes = (signal: AbortSignal): CallOptions => ({
  context: {
    signal,
    heartbeat: () => {},
    waitForSlot: () => Promise.resolve(),
    postponeLane: () => Promise.resolve(),
  },
  lane: null,
  keyOf: () => randomUUID(),
});

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 3;
/** A call that was refused for its rate was not done, so it is repeated without ending the range. */
const MAX_REPEATS = 3;
/** For a wait that the lane does not keep. */
const LONGEST_WAIT_MS = 60_000;
/** The wait after 429 without `Retry-After`, and after one of no time. */
const DEFAULT_WAIT_MS = 10_000;
const SHORTEST_WAIT_MS = 100;
/** No system asks for more, and a wrong header must not stop a lane for years. */
const LONGEST_POSTPONE_MS = 31 * 86_400_000;

export function createApi(options: ApiOptions, call: CallOptions): Api {
  return apiOf('', { options, call, keys: new Map() });
}

interface State {
  readonly options: ApiOptions;
  readonly call: CallOptions;
  /** How often a call with an idempotency key was made. */
  readonly keys: Map<string, number>;
}

function apiOf(name: string, state: State): Api {
  const host = hostNamed(state, name);
  const verb = (method: Method): Verb => {
    function run(path: Path, sent: SentGone): Promise<Answer | null>;
    function run(path: Path, sent?: Sent): Promise<Answer>;
    function run(path: Path, sent: Sent = {}): Promise<Answer | null> {
      return callHost(state, host, method, path, sent);
    }
    return run;
  };
  return {
    get: verb('GET'),
    post: verb('POST'),
    put: verb('PUT'),
    patch: verb('PATCH'),
    delete: verb('DELETE'),
    as: (other) => apiOf(other, state),
    secret: (secret) => {
      const value = state.options.secrets.get(secret);
      if (value === undefined) throw new HttpError('unknown_secret');
      return value;
    },
    pathOf: (url) => pathOnHost(host, url),
  };
}

function hostNamed({ options }: State, name: string): Host {
  const host = options.hosts.get(name);
  if (host === undefined) throw new HttpError('unknown_host');
  return host;
}

async function callHost(state: State, host: Host, method: Method, path: Path, sent: Sent): Promise<Answer | null> {
  if (!Path.isPath(path)) throw new HttpError('untagged_path');
  const prepared = prepare(state, host, method, path, sent);
  let incoming = await sendWithinLane(state, host, prepared, sent);
  for (let redirects = 0; method === 'GET' && REDIRECTS.includes(incoming.status); redirects += 1) {
    if (redirects === MAX_REDIRECTS) throw new HttpError('redirect');
    incoming = await sendWithinLane(state, host, { ...prepared, url: redirectUrl(host, incoming, prepared.url) }, sent);
  }
  return judge(incoming, sent);
}

/** Only places of the same host, because another one would receive the credentials and decide where data goes. */
function redirectUrl(host: Host, incoming: Incoming, from: URL): URL {
  try {
    return urlOf(host, pathOnHost(host, incoming.header('location') ?? '', from));
  } catch {
    throw new HttpError('redirect', { status: incoming.status });
  }
}

function prepare(state: State, host: Host, method: Method, path: Path, sent: Sent): Outgoing {
  const url = urlOf(host, path);
  addQuery(url, sent.query);
  const body = encodeBody(sent);
  const headers: Record<string, string> = {
    accept: sent.as === undefined ? 'application/json' : '*/*',
    'user-agent': 'lethe',
    ...(body === null ? {} : { 'content-type': body.type }),
    ...lowerCase(host.headers),
    ...lowerCase(sent.headers ?? {}),
  };
  if (sent.once !== undefined)
    headers[state.options.idempotencyHeader.toLowerCase()] = keyOf(state, method, url, body?.text, sent.once);
  return { method, url, headers, body: body?.text };
}

const lowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Systems refuse a key that comes with another body, so the body is part of what the key is made from. */
function keyOf({ call, keys }: State, method: Method, url: URL, body: string | undefined, once: true | string): string {
  const label = once === true ? '' : once;
  const digest = createHash('sha256')
    .update(JSON.stringify([method, url.href, body ?? null, label]))
    .digest('hex');
  const count = keys.get(digest) ?? 0;
  keys.set(digest, count + 1);
  return call.keyOf(`${digest} ${count}`);
}

/** Waits for the lane and sends. Repeats a call that was not done: once with a new token, and after the rate was exceeded. */
async function sendWithinLane(state: State, host: Host, prepared: Outgoing, sent: Sent): Promise<Incoming> {
  const { context } = state.call;
  const lane = laneOf(state, sent);
  let [isRenewed, repeats] = [false, 0];
  let busy: Busy | null = null;
  for (;;) {
    context.heartbeat();
    // A wait that is too long ends the call with a deferral, because a limit that is used up is no failure.
    if (lane !== null) await runCallback(() => context.waitForSlot(lane));
    if (busy !== null) await waitWhileBusy(busy, context.signal);
    const outgoing = { ...prepared, url: new URL(prepared.url), headers: { ...prepared.headers } };
    for (const auth of host.auth) await auth.apply(outgoing, context.signal);
    const incoming = await state.options.exchange.send(outgoing, context.signal, sent.as === 'stream');
    if (isExpected(incoming.status, sent)) return incoming;
    if (incoming.status === 401 && !isRenewed && host.auth.some((auth) => auth.renew?.(outgoing) === true)) {
      isRenewed = true;
      continue;
    }
    const waitMs = waitOf(incoming);
    if (waitMs === null) return incoming;
    const until = Date.now() + waitMs;
    busy = { status: incoming.status, until };
    repeats += 1;
    if (lane !== null) await runCallback(() => context.postponeLane(lane, new Date(until)));
    if (repeats > MAX_REPEATS) throw new HttpError('busy', { status: incoming.status, retryAfterMs: waitMs });
  }
}

interface Busy {
  readonly status: number;
  readonly until: number;
}

/** Calls without a lane, such as those of an inspection, wait here. */
async function waitWhileBusy({ status, until }: Busy, signal: AbortSignal): Promise<void> {
  const waitMs = Math.max(0, until - Date.now());
  if (waitMs > LONGEST_WAIT_MS) throw new HttpError('busy', { status, retryAfterMs: waitMs });
  if (waitMs > 0) await sleep(waitMs, undefined, { signal });
}

/** The declared lane of a call. Undefined: the system has no lane of this name. */
function laneOf({ options: { lanes }, call }: State, { lane }: Sent): string | undefined | null {
  if (call.lane === null || lane === null) return null;
  return [lane ?? call.lane, 'all'].find((name) => lanes.includes(name));
}

/** How long the system asks to wait. Null: it does not ask. */
function waitOf({ status, header }: Incoming): number | null {
  if (status !== 429 && status !== 503) return null;
  const askedMs = retryAfterMs(header('retry-after') ?? undefined, Date.now());
  if (askedMs !== null) return Math.min(Math.max(askedMs, SHORTEST_WAIT_MS), LONGEST_POSTPONE_MS);
  return status === 429 ? DEFAULT_WAIT_MS : null;
}

const isExpected = (status: number, { expect, gone }: Sent): boolean =>
  (expect === undefined ? status >= 200 && status < 300 : expect.includes(status)) || gone?.includes(status) === true;

async function judge(incoming: Incoming, sent: Sent): Promise<Answer | null> {
  const { status } = incoming;
  if (isExpected(status, sent)) return sent.gone?.includes(status) === true ? null : toAnswer(incoming, sent.as);
  if (REDIRECTS.includes(status)) throw new HttpError('redirect', { status });
  throw new HttpError(status >= 500 ? 'server_error' : 'status', { status });
}
