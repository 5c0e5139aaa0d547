import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { assertListened, freePort } from '../../dev/embedded/ports.ts';

test('a server that was named and is not there is told at once, by the variable that named it', async () => {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  await expect(assertListened(address, 'TEMPORAL_ADDRESS')).rejects.toThrow(
    `TEMPORAL_ADDRESS: nobody answers at ${address}`,
  );
  await expect(assertListened('nonsense', 'TEMPORAL_ADDRESS')).rejects.toThrow('nobody answers at nonsense');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  await assertListened(address, 'TEMPORAL_ADDRESS');
  server.close();
});
