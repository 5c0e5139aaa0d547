import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { systemClock, type Clock } from './clock.ts';
import { createFaults, doesTheWork, sendFault, type Fault, type Faults } from './faults.ts';
import type { Incoming, Reply, Route } from './route.ts';

/** One recorded call, in the order of arrival. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** By the clock of the server. */
  readonly at: number;
  /** By `performance.now()`, for tests of real rates. */
  readonly arrivedAt: number;
  authorized: boolean;
  ids: readonly string[];
  /** The status of the answer. Null when none was sent. */
  status: number | null;
  fault: Fault['kind'] | null;
}

export interface ServerOptions {
  readonly clock?: Clock;
  /** 0, the default, takes a free one. */
  readonly port?: number;
}

export interface StandInServer {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  readonly port: number;
  readonly clock: Clock;
  readonly calls: readonly Call[];
  readonly faults: Faults;
  /** The recorded calls with this method whose path matches. */
  callsOf(method: string, path: RegExp): readonly Call[];
  /** Forgets the recorded calls. */
  forgetCalls(): void;
  /** Refuses connections until `resume`, as a server that is away. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

export interface Rules {
  readonly routes: readonly Route[];
  /** Whether the call carries the right secret. */
  readonly isAuthorized?: (call: Incoming) => boolean;
  /** The answer to a call without it. 401 by default. */
  readonly unauthorized?: Reply;
  /** The answer to a path that no route has. 404 by default. */
  readonly unknown?: Reply;
}

/**
 * Starts a local HTTP server that stands in for a system. It records every call, and has faults on demand.
 * It imports nothing of the test runner, because the demo starts it too.
 */
export async function startServer(rules: Rules, { clock = systemClock, port = 0 }: ServerOptions = {}) {
  const calls: Call[] = [];
  const faults = createFaults();
  const routes = rules.routes.map((route) => ({ ...route, pattern: patternOf(route.path) }));
  let server = createServer(listener);
  await listen(server, port);
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : 0;

  function listener(request: IncomingMessage, response: Parameters<typeof sendFault>[0]): void {
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void answer(request, Buffer.concat(chunks), response));
  }

  async function answer(request: IncomingMessage, body: Buffer, response: Parameters<typeof sendFault>[0]) {
    const url = new URL(request.url ?? '/', 'http://server');
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const method = request.method ?? 'GET';
    const call: Call = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers,
      body: body.toString('utf8'),
      at: clock.now(),
      arrivedAt: performance.now(),
      authorized: false,
      ids: [],
      status: null,
      fault: null,
    };
    calls.push(call);
    const fault = faults.next(method, url.pathname);
    call.fault = fault?.kind ?? null;
    const reply = fault !== null && !doesTheWork(fault) ? { status: 0 } : await replyTo(call, body);
    const bytes = bytesOf(reply);
    if (fault !== null) {
      if (fault.kind === 'status') call.status = fault.status;
      sendFault(response, fault, reply, bytes);
      return;
    }
    call.status = reply.status;
    const type = reply.json === undefined ? {} : { 'content-type': 'application/json' };
    response.writeHead(reply.status, { ...type, ...reply.headers }).end(bytes);
  }

  async function replyTo(call: Call, body: Buffer): Promise<Reply> {
    const { method, path, query, headers } = call;
    const matching = routes.flatMap((route) => {
      const params = route.method === method ? route.pattern.exec(path)?.groups : undefined;
      return params === undefined && !(route.method === method && route.pattern.test(path)) ? [] : [{ route, params }];
    })[0];
    const incoming: Incoming = {
      method,
      path,
      query,
      headers,
      body,
      params: Object.fromEntries(
        Object.entries(matching?.params ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
      ),
      json: jsonOf(call.body),
      form: new URLSearchParams(call.body),
      concerns: (ids) => void (call.ids = ids),
    };
    call.authorized = rules.isAuthorized?.(incoming) ?? true;
    if (!call.authorized) return rules.unauthorized ?? { status: 401, json: { error: 'unauthorized' } };
    if (matching === undefined) return rules.unknown ?? { status: 404, json: { error: 'not found' } };
    return matching.route.handle(incoming);
  }

  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const standIn: StandInServer = {
    url: `http://127.0.0.1:${actualPort}`,
    port: actualPort,
    clock,
    calls,
    faults,
    callsOf: (method, path) => calls.filter((call) => call.method === method && path.test(call.path)),
    forgetCalls: () => void calls.splice(0),
    pause: stop,
    resume: async () => {
      if (server.listening) return;
      server = createServer(listener);
      await listen(server, actualPort);
    },
    close: stop,
  };
  return standIn;
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}/?$`);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function bytesOf({ json, body }: Reply): Buffer {
  if (body !== undefined) return Buffer.from(body);
  return json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(json));
}
