import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { assertReachable, freePort } from '../../dev/embedded/ports.ts';

test('rejects an address without a server and names the variable', async () => {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  await expect(assertReachable(address, 'TEMPORAL_ADDRESS')).rejects.toThrow(
    `TEMPORAL_ADDRESS: no server responds at ${address}`,
  );
  await expect(assertReachable('nonsense', 'TEMPORAL_ADDRESS')).rejects.toThrow('no server responds at nonsense');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  await assertReachable(address, 'TEMPORAL_ADDRESS');
  server.close();
});
