import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';

async function listen(port: number): Promise<number> {
  const server = createServer().listen(port, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the TCP server has no port');
  return address.port;
}

/** Below the ports that operating systems give to clients, and to servers that ask for any port. */
const PORTS = [15_000, 32_000] as const;
const TRIES = 100;

/**
 * A currently unused port of the loopback interface. Chosen at random, so that a server that is stopped and started again
 * rarely finds another program on its port.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(...PORTS);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port found among ${PORTS.join(' to ')} in ${TRIES} tries`);
}

export async function isPortFree(port: number): Promise<boolean> {
  try {
    await listen(port);
    return true;
  } catch {
    return false;
  }
}

export async function assertPortFree(port: number, purpose: string): Promise<void> {
  if (await isPortFree(port)) return;
  throw new Error(
    `port ${port} for ${purpose} is in use or not permitted. Stop the program that uses it, or choose another port.`,
  );
}

/** Throws unless a server listens at the address. Does not check which server it is. */
export async function assertReachable(address: string, variable: string): Promise<void> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const socket = connect({ host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), timeout: 5_000 });
  const timedOut = once(socket, 'timeout').then(() => Promise.reject(new Error('timeout')));
  try {
    await Promise.race([once(socket, 'connect'), timedOut]);
  } catch {
    throw new Error(`${variable}: no server responds at ${address}`);
  } finally {
    timedOut.catch(() => {});
    socket.destroy();
  }
}
