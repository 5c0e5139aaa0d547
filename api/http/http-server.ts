import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';

/** Slower callers are disconnected, because each connection holds memory. */
export interface Timeouts {
  /** From the first byte of a request to the end of its headers. */
  readonly headersMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestMs: number;
  /** How often the two limits above are checked. */
  readonly checkMs: number;
  /** Idle time between two requests. Longer than that of most load balancers, so that they close the connection first. */
  readonly keepAliveMs: number;
  /** Time without a byte in either direction, for callers that do not read the response. */
  readonly silenceMs: number;
  /** Time for active requests after SIGTERM. docker-compose.yml waits longer before it kills the process. */
  readonly drainMs: number;
}
const DEFAULT_TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 1_000,
  keepAliveMs: 65_000,
  silenceMs: 120_000,
  drainMs: 20_000,
};
/** How long a shutdown accepts requests on open connections: callers may have sent them before they noticed it. */
const LATE_REQUESTS_MS = 500;

export interface ListenOptions extends Partial<Timeouts> {
  readonly host: string;
  readonly port: number;
  /** The environment variable that sets the port, for the error message. */
  readonly variable?: string;
}
export interface HttpServer {
  readonly url: string;
  /** Stops accepting connections and resolves when every active request has its response. */
  drain(): Promise<void>;
}

/** Serves an app on a port. Throws when the address cannot be used. */
export async function listen(
  app: { readonly fetch: Fetch },
  { host, port, variable = 'PORT', ...changes }: ListenOptions,
): Promise<HttpServer> {
  const { headersMs, requestMs, checkMs, keepAliveMs, silenceMs, drainMs } = { ...DEFAULT_TIMEOUTS, ...changes };
  const connections = new Map<Socket, Set<ServerResponse>>();
  const handlers = new Set<Promise<void>>();
  const handle = getRequestListener(app.fetch, { hostname: host });
  let isDraining = false;

  const timeouts = { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs };
  const server = createServer({ ...timeouts, keepAliveTimeout: keepAliveMs }, (request, response) => {
    if (isDraining) response.shouldKeepAlive = false;
    const active = connections.get(request.socket);
    active?.add(response);
    response.once('close', () => active?.delete(response));
    const handler = handle(request, response).finally(() => handlers.delete(handler));
    handlers.add(handler);
  });
  server.setTimeout(silenceMs);
  server.on('connection', (socket) => {
    connections.set(socket, new Set());
    socket.once('close', () => connections.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw listenError(error, `${host}:${port}`, variable);
  });

  const closeSockets = (shouldClose: (active: ReadonlySet<ServerResponse>) => boolean) => {
    for (const [socket, active] of connections) if (shouldClose(active)) socket.destroy();
  };
  const drain = async () => {
    isDraining = true;
    for (const active of connections.values()) {
      const last = [...active].at(-1);
      if (last !== undefined) last.shouldKeepAlive = false;
    }
    const closed = once(server, 'close');
    await acceptPending(server);
    // The close() of node:http would cut responses that are being sent, and stop checking for slow callers.
    NetServer.prototype.close.call(server);
    const deadline = sleep(drainMs, undefined, { ref: false }).then(() => closeSockets(() => true));
    await Promise.race([closed, sleep(LATE_REQUESTS_MS)]);
    const sweep = setInterval(() => closeSockets((active) => active.size === 0), 50);
    await closed;
    clearInterval(sweep);
    // Handlers of callers that disconnected may still write rows.
    await Promise.race([Promise.allSettled(handlers), deadline]);
    server.close();
  };
  return { url: urlOf(server.address()), drain };
}

/**
 * Accepts the connections that the operating system has completed: it would reset them when the server closes. Node
 * accepts one in each turn of its event loop, so that two turns without one mean that none is left.
 */
async function acceptPending(server: NetServer): Promise<void> {
  let accepted = 0;
  const count = (): void => void (accepted += 1);
  server.on('connection', count);
  for (const end = Date.now() + LATE_REQUESTS_MS; Date.now() < end;) {
    const before = accepted;
    for (let turn = 0; turn < 2; turn++) await nextTurn();
    if (accepted === before) break;
  }
  server.off('connection', count);
}

function listenError(error: unknown, address: string, variable: string): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const [reason, remedy] =
    error.code === 'EADDRINUSE'
      ? ['another process uses the port', `Stop that process, or choose another port with ${variable}.`]
      : ['the address cannot be used', `Check ${variable}.`];
  return new Error(`cannot listen on ${address}: ${reason} (${String(error.code)}). ${remedy}`, { cause: error });
}

type Fetch = Parameters<typeof getRequestListener>[0];

function urlOf(address: ReturnType<NetServer['address']>): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port');
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
