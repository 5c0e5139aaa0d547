import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgres } from '../../../dev/embedded/postgres/postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which tests create databases. */
    postgresUrl: string;
    /** The prefix of every database of this run, which the teardown uses to remove them. */
    postgresPrefix: string;
    /** Null if TEST_DATABASE_URL names the server. */
    postgresLog: string | null;
  }
}

const prefix = `lethe_test_${randomBytes(4).toString('hex')}_`;
/** No replica follows this server, so minimal WAL is sufficient. */
const SETTINGS = { max_connections: '200', shared_buffers: '256MB', wal_level: 'minimal', max_wal_senders: '0' };
let server: PostgresServer | undefined;
let url = process.env['TEST_DATABASE_URL'] ?? '';

export async function setup(project: TestProject): Promise<void> {
  if (url === '') {
    server = await startPostgres({ settings: SETTINGS });
    url = server.url;
  }
  project.provide('postgresUrl', url);
  project.provide('postgresPrefix', prefix);
  project.provide('postgresLog', server?.logFile ?? null);
}

export async function teardown(): Promise<void> {
  if (server === undefined) await removeDatabases();
  await server?.stop();
}

/** Removes the databases of this run from a server that continues to run. */
async function removeDatabases(): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const found = await sql<
    { name: string }[]
  >`SELECT datname AS name FROM pg_database WHERE starts_with(datname, ${prefix})`;
  for (const { name } of found) await sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`;
  await sql.end();
}
