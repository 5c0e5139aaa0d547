import type { ServerResponse } from 'node:http';
import type { Reply } from './route.ts';

/**
 * What a faulty server does with one call.
 * - `status`: answers it instead of doing the work. `hang`: never answers. `refuse`: closes the connection.
 * - `garbage`: does the work, and answers bytes that are no JSON. `redirect`: answers 307 to `to`.
 * - `half`: does the work, and closes the connection after half of the answer.
 * - `lost`: does the work, and closes the connection without an answer.
 * - `huge`: does the work, and answers `bytes` bytes. `slow`: does the work, and sends one byte each `everyMs`.
 * - `lost_hang`: does the work and never answers.
 */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Headers; readonly body?: string }
  | { readonly kind: 'hang' | 'refuse' | 'garbage' | 'half' | 'lost' | 'lost_hang' }
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  | { readonly kind: 'huge'; readonly bytes: number }
  | { readonly kind: 'slow'; readonly everyMs: number };
type Headers = Readonly<Record<string, string>>;

/** Which calls a rule counts. Without it, all of them. */
export interface Matching {
  readonly method?: string;
  /** Compared with the path without its query. */
  readonly path?: RegExp;
}

export interface Faults {
  /** Faults the `nth` matching call from now, counted from 1. */
  at(nth: number, fault: Fault, matching?: Matching): void;
  /** Faults every `nth` matching call from now. */
  every(nth: number, fault: Fault, matching?: Matching): void;
  /** Faults every matching call until `clear`. */
  always(fault: Fault, matching?: Matching): void;
  /** Removes all rules. */
  clear(): void;
}

/** 429 with `Retry-After` in seconds. */
export const tooManyRequests = (retryAfter: number | string): Fault => ({
  kind: 'status',
  status: 429,
  headers: { 'retry-after': String(retryAfter) },
});

interface Rule {
  readonly fault: Fault;
  readonly matching: Matching;
  readonly isDue: (nth: number) => boolean;
  count: number;
}

export interface FaultRules extends Faults {
  /** Counts the call in every rule, and returns the fault of the first one that is due. */
  next(method: string, path: string): Fault | null;
}

export function createFaults(): FaultRules {
  let rules: Rule[] = [];
  const add = (fault: Fault, matching: Matching, isDue: Rule['isDue']): void =>
    void rules.push({ fault, matching, isDue, count: 0 });
  return {
    at: (nth, fault, matching = {}) => add(fault, matching, (count) => count === nth),
    every: (nth, fault, matching = {}) => add(fault, matching, (count) => count % nth === 0),
    always: (fault, matching = {}) => add(fault, matching, () => true),
    clear: () => void (rules = []),
    next(method, path) {
      let due: Fault | null = null;
      for (const rule of rules) {
        const { matching } = rule;
        if (matching.method !== undefined && matching.method !== method) continue;
        if (matching.path !== undefined && !matching.path.test(path)) continue;
        rule.count += 1;
        if (rule.isDue(rule.count)) due ??= rule.fault;
      }
      return due;
    },
  };
}

const WITHOUT_WORK: readonly Fault['kind'][] = ['status', 'hang', 'refuse', 'redirect'];
export const doesTheWork = ({ kind }: Fault): boolean => !WITHOUT_WORK.includes(kind);

/** Answers as the fault says. `reply` is what a sound server would have answered. */
export function sendFault(response: ServerResponse, fault: Fault, reply: Reply, body: Buffer): void {
  const headers = { 'content-type': 'application/json', ...reply.headers };
  switch (fault.kind) {
    case 'status':
      response.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '');
      return;
    case 'redirect':
      response.writeHead(fault.status ?? 307, { location: fault.to }).end();
      return;
    case 'hang':
    case 'lost_hang':
      return;
    case 'refuse':
    case 'lost':
      response.socket?.destroy();
      return;
    case 'garbage':
      response.writeHead(reply.status, headers).end('<html>\u0000{"results": [');
      return;
    case 'half':
      response.writeHead(reply.status, { ...headers, 'content-length': body.length + 2 });
      response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.socket?.destroy());
      return;
    case 'huge':
      response.writeHead(reply.status, headers).end(Buffer.alloc(fault.bytes, ' '));
      return;
    case 'slow':
      response.writeHead(reply.status, headers);
      sendSlowly(response, body, fault.everyMs);
  }
}

function sendSlowly(response: ServerResponse, body: Buffer, everyMs: number): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (response.destroyed || sent >= body.length) {
      clearInterval(timer);
      response.end();
    } else response.write(body.subarray(sent, ++sent));
  }, everyMs);
}
