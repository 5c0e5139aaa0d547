import postgres from 'postgres';
import { expect, test } from 'vitest';
import { makeDatabases } from '../../dev/demo/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';

test('says what to do when the role of DATABASE_URL may not create databases', async () => {
  const { url, name } = await createDatabase();
  const role = `demo_${name}`.slice(0, 60);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'canary'`);
  try {
    const given = Object.assign(new URL(url), { username: role, password: 'canary' }).href;
    const error: unknown = await makeDatabases(given).catch((thrown: unknown) => thrown);
    expect(String(error)).toBe(
      `Error: the role ${role} of DATABASE_URL may not create the database ${name}_demo. Remove DATABASE_URL from .env and the environment, so that the demo starts its own PostgreSQL, or run as an administrator: CREATE DATABASE "${name}_demo" OWNER "${role}"`,
    );
    const found = await sql`SELECT FROM pg_database WHERE datname = ${`${name}_demo`}`;
    expect(found).toHaveLength(0);
  } finally {
    await sql.unsafe(`DROP ROLE ${role}`);
    await sql.end();
  }
});
