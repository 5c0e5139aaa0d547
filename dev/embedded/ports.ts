import { once } from 'node:events';
import { connect, createServer } from 'node:net';

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

/** Whether somebody listens there; whether it is the right one shows when it is spoken to. */
export async function assertListened(address: string, what: string): Promise<void> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const socket = connect({ host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), timeout: 5_000 });
  const late = once(socket, 'timeout').then(() => Promise.reject(new Error('no answer')));
  try {
    await Promise.race([once(socket, 'connect'), late]);
  } catch {
    throw new Error(`${what}: nobody answers at ${address}`);
  } finally {
    late.catch(() => {});
    socket.destroy();
  }
}
