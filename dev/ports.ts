import { once } from 'node:events';
import { createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';

async function listen(port: number): Promise<number> {
  const server = createServer().listen(port, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}

/** A port of the loopback interface that nobody listens on now. */
export const freePort = (): Promise<number> => listen(0);

export async function isPortFree(port: number): Promise<boolean> {
  try {
    await listen(port);
    return true;
  } catch {
    return false;
  }
}

export async function assertPortFree(port: number, what: string): Promise<void> {
  if (await isPortFree(port)) return;
  throw new Error(
    `port ${port} for ${what} is in use or may not be listened on: stop its owner or choose another port`,
  );
}
