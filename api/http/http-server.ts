import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';

/** How long a caller may take. A slower one is disconnected, because each connection holds memory. */
export interface Timeouts {
  /** From the first byte of a request to the end of its headers. */
  readonly headersMs: number;
  /** … and to the end of its body. */
  readonly requestMs: number;
  /** How often the two are looked at. */
  readonly checkMs: number;
  /** Between two requests. Longer than the minute of most load balancers, so that they close the connection first. */
  readonly keepAliveMs: number;
  /** Without a byte in either direction: a caller that does not read its answer. */
  readonly silenceMs: number;
  /** For requests under way when the process gets SIGTERM; docker-compose.yml waits longer than this. */
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
/** What callers had sent on their connections before they could know that we end still arrives meanwhile. */
const QUIET_MS = 500;

export interface ListenOptions extends Partial<Timeouts> {
  readonly host: string;
  readonly port: number;
}
export interface Listening {
  readonly url: string;
  /** No new connections; requests under way are answered, each the last of its connection. Done when all have gone. */
  drain(): Promise<void>;
}

/** Serves an app on a port of its own. Throws where it cannot listen. */
export async function listen(
  app: { readonly fetch: Fetch },
  { host, port, ...changes }: ListenOptions,
): Promise<Listening> {
  const { headersMs, requestMs, checkMs, keepAliveMs, silenceMs, drainMs } = { ...DEFAULT_TIMEOUTS, ...changes };
  const connections = new Map<Socket, Set<ServerResponse>>();
  const handlers = new Set<Promise<void>>();
  const answer = getRequestListener(app.fetch, { hostname: host });
  let draining = false;

  const timeouts = { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs };
  const server = createServer({ ...timeouts, keepAliveTimeout: keepAliveMs }, (request, response) => {
    if (draining) response.shouldKeepAlive = false;
    const underWay = connections.get(request.socket);
    underWay?.add(response);
    response.once('close', () => underWay?.delete(response));
    const handler = answer(request, response).finally(() => handlers.delete(handler));
    handlers.add(handler);
  });
  server.setTimeout(silenceMs);
  server.on('connection', (socket) => {
    connections.set(socket, new Set());
    socket.once('close', () => connections.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');

  const closeSockets = (which: (underWay: ReadonlySet<ServerResponse>) => boolean) => {
    for (const [socket, underWay] of connections) if (which(underWay)) socket.destroy();
  };
  const drain = async () => {
    draining = true;
    for (const underWay of connections.values()) {
      const last = [...underWay].at(-1);
      if (last !== undefined) last.shouldKeepAlive = false;
    }
    const closed = once(server, 'close');
    // http's own close() would cut answers that are still being sent, and stop checking for slow callers.
    NetServer.prototype.close.call(server);
    const late = sleep(drainMs, undefined, { ref: false }).then(() => closeSockets(() => true));
    await Promise.race([closed, sleep(QUIET_MS)]);
    const sweep = setInterval(() => closeSockets((underWay) => underWay.size === 0), 50);
    await closed;
    clearInterval(sweep);
    // Handlers whose callers have gone are still at work on rows.
    await Promise.race([Promise.allSettled(handlers), late]);
    server.close();
  };
  return { url: urlOf(server.address()), drain };
}

type Fetch = Parameters<typeof getRequestListener>[0];

function urlOf(address: ReturnType<NetServer['address']>): string {
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
