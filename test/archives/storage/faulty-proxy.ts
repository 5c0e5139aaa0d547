import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { afterAll } from 'vitest';

/** Decides what happens to a call. Undefined passes the call on unchanged. */
export type Interference = (
  call: IncomingMessage,
  response: ServerResponse,
) => 'handled' | { breakAfter: number } | undefined;

/** Starts an HTTP proxy that makes some calls fail. */
export async function startFaultyProxy(address: string, interfere: Interference): Promise<string> {
  const [host, port] = address.split(':');
  const proxy = createServer((call, response) => {
    const fault = interfere(call, response);
    if (fault === 'handled') return;
    const forwarded = request(
      { host, port, method: call.method, path: call.url, headers: call.headers, agent: false },
      (upstream) => {
        response.writeHead(upstream.statusCode ?? 502, upstream.headers).flushHeaders();
        let passed = 0;
        upstream.on('data', (chunk: Buffer) => {
          passed += chunk.length;
          if (fault !== undefined && passed > fault.breakAfter) response.destroy();
          else response.write(chunk);
        });
        upstream.on('end', () => response.end());
        upstream.on('error', () => response.destroy());
      },
    );
    forwarded.on('error', () => response.destroy());
    call.pipe(forwarded);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  afterAll(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const bound = proxy.address();
  if (bound === null || typeof bound === 'string') throw new Error('the TCP server has no port');
  return `127.0.0.1:${bound.port}`;
}
