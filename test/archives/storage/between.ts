import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { afterAll } from 'vitest';

/** What happens to a call on its way; undefined: it goes through as it is. */
export type Mishap = (call: IncomingMessage, answer: ServerResponse) => 'handled' | { breakAfter: number } | undefined;

/** Stands before a server of HTTP and spoils some calls. */
export async function between(address: string, mishap: Mishap): Promise<string> {
  const [host, port] = address.split(':');
  const proxy = createServer((call, answer) => {
    const what = mishap(call, answer);
    if (what === 'handled') return;
    const onwards = request(
      { host, port, method: call.method, path: call.url, headers: call.headers, agent: false },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers).flushHeaders();
        let passed = 0;
        reply.on('data', (chunk: Buffer) => {
          passed += chunk.length;
          if (what !== undefined && passed > what.breakAfter) answer.destroy();
          else answer.write(chunk);
        });
        reply.on('end', () => answer.end());
        reply.on('error', () => answer.destroy());
      },
    );
    onwards.on('error', () => answer.destroy());
    call.pipe(onwards);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  afterAll(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const bound = proxy.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP server without a port');
  return `127.0.0.1:${bound.port}`;
}
