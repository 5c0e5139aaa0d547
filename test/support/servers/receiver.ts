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
  /** All that has arrived, in this order. */
  readonly received: Received[];
  /** What it answers from now on. */
  answer: (response: ServerResponse, received: Received) => void | Promise<void>;
}

/** A webhook's other side: a server on this machine that keeps what it is told, and answers 204 unless told otherwise. */
export async function receiver(host = '127.0.0.1'): Promise<Receiver> {
  const received: Received[] = [];
  const it = { url: '', port: 0, received, answer: (response: ServerResponse) => void response.writeHead(204).end() };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const one = { path: request.url ?? '', headers: textsOf(request.headers), body };
      received.push(one);
      void (it as Receiver).answer(response, one);
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  it.port = typeof address === 'object' && address !== null ? address.port : 0;
  it.url = `http://${host}:${it.port}`;
  return it;
}

const textsOf = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

export const answering =
  (status: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end('what the other side says');
