import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { type MariadbServer, startMariadb } from '../../../dev/embedded/mariadb/mariadb.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Starts MariaDB at the first call, and answers with its URL, or with the reason why it does not exist. */
    mariadbStarter: string;
  }
}

const SETTINGS = { innodb_buffer_pool_size: '64M', max_connections: '200', performance_schema: 'OFF' };
let started: Promise<MariadbServer> | undefined;
let starter: Server | undefined;

/** Most runs have no test of MariaDB, so the first one that has starts the server for all of them. */
export async function setup(project: TestProject): Promise<void> {
  starter = createServer((_, response) => {
    started ??= startMariadb({ settings: SETTINGS });
    void started.then(
      ({ url }) => response.end(JSON.stringify({ url })),
      (error: unknown) => response.end(JSON.stringify({ missing: String(error) })),
    );
  });
  starter.listen(0, '127.0.0.1');
  starter.unref();
  await once(starter, 'listening');
  const address = starter.address();
  if (address === null || typeof address === 'string') throw new Error('the starter of MariaDB has no port');
  project.provide('mariadbStarter', `http://127.0.0.1:${address.port}`);
}

export async function teardown(): Promise<void> {
  starter?.close();
  starter?.closeAllConnections();
  await started?.then(
    (server) => server.stop(),
    () => {},
  );
}
