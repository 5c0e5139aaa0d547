import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { afterAll } from 'vitest';

export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
export interface Receiver {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  readonly port: number;
  /** The calls in the order of arrival. */
  readonly received: Received[];
  /** Responds to the next calls. */
  respond: (response: ServerResponse, received: Received) => void | Promise<void>;
}

/** Starts a local webhook receiver that records each call and responds 204 by default. */
export async function startReceiver(host = '127.0.0.1'): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const call = { path: request.url ?? '', headers: textsOf(request.headers), body };
      received.push(call);
      void receiver.respond(response, call);
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const receiver: Receiver = { url: `http://${host}:${port}`, port, received, respond: respondWith(204) };
  return receiver;
}

const textsOf = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

export const respondWith =
  (status: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end('a response body');
