import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What goes wrong with one call. `lose` does the work first and then drops the connection. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  | 'garbage'
  | 'half'
  | 'lose';

export interface FaultyCall {
  readonly method: string;
  /** Path and query as they arrived. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
export interface Reply {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface FaultyServer {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  readonly port: number;
  /** The calls in the order of arrival. */
  readonly calls: FaultyCall[];
  /** Does the work of a call. */
  reply: (call: FaultyCall) => Reply | Promise<Reply>;
  /** The fault of the call with this number, from 1. Calls without one succeed. */
  readonly faults: Map<number, Fault>;
  /** Runs when a call arrives, before its work. */
  onCall: ((call: FaultyCall) => void) | null;
  /** Forgets calls and faults. */
  clear(): void;
  close(): void;
}

/** A local HTTP server that fails on demand at the call with a number. */
export async function startFaultyServer(host = '127.0.0.1'): Promise<FaultyServer> {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const faulty: FaultyServer = {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    calls: [],
    faults: new Map(),
    reply: () => ({ status: 200, json: {} }),
    onCall: null,
    clear() {
      faulty.calls.length = 0;
      faulty.faults.clear();
      faulty.onCall = null;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request);
    faulty.calls.push(call);
    const fault = faulty.faults.get(faulty.calls.length);
    faulty.onCall?.(call);
    if (fault === 'hang') return;
    if (fault === 'garbage') return void response.writeHead(200, JSON_TYPE).end('<html>busy</html>');
    if (typeof fault === 'object') return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    const { status, json, headers = {} } = await faulty.reply(call);
    const body = json === undefined ? '' : JSON.stringify(json);
    if (fault === 'lose') return void response.destroy();
    if (fault === 'half') {
      response.writeHead(status, { ...JSON_TYPE, 'content-length': String(Buffer.byteLength(body) + 10) });
      return void response.write(body.slice(0, -1), () => response.destroy());
    }
    response.writeHead(status, { ...(json === undefined ? {} : JSON_TYPE), ...headers }).end(body);
  }
  return faulty;
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function readCall(request: IncomingMessage): Promise<FaultyCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
