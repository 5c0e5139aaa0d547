import { describe, expect, test } from 'vitest';
import { openPostgres, systemSql } from '../../../../connectors/postgres/index.ts';
import { schemaErrors, settingsFor, withEmptyDatabase } from './schema-errors.ts';

const db = withEmptyDatabase();

const USERS = 'CREATE SCHEMA c; CREATE TABLE c.users (id bigint PRIMARY KEY, email text);';
const USER = settingsFor('c.users', { column: 'id', match: 'integer' });

describe('keys inside documents', () => {
  const HOOKS = `${USERS} CREATE TABLE c.hooks (payload jsonb); CREATE TABLE c.jobs (args json);
    INSERT INTO c.hooks SELECT jsonb_build_object('userId', n, 'note', 'canary-' || n) FROM generate_series(1, 50) n;
    INSERT INTO c.jobs VALUES ('{"canary-key": {"user_id": "7"}}'), ('[1]'), ('3')`;

  test('lists the keys that a sample shows, without any value or other key', async () => {
    const errors = await schemaErrors(db, HOOKS, USER);
    expect(errors).toEqual([
      `kinds: c.hooks has documents with payload->>'userId'; add it to the data map, or to ignore with a reason`,
      `kinds: c.jobs has documents with user_id inside args; add it to the data map, or to ignore with a reason`,
    ]);
    expect(errors.join()).not.toContain('canary');
  });

  test('reads no document before a deletion, because a random sample must not stop it', async () => {
    expect(await schemaErrors(db, HOOKS, USER, {})).toEqual([]);
    expect(db.statements.some((text) => text.includes('c"."hooks'))).toBe(false);
  });

  test('reads a bounded sample of a large table, and only documents of a bounded size', async () => {
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.big (doc jsonb, filler text) WITH (fillfactor = 10);
       INSERT INTO c.big SELECT '{"user_id": 1}', repeat('x', 800) FROM generate_series(1, 3000);
       CREATE TABLE c.huge (doc jsonb); ALTER TABLE c.huge ALTER doc SET STORAGE EXTERNAL;
       INSERT INTO c.huge SELECT jsonb_build_object('user_id', 1, 'text', repeat('x', 100000)); ANALYZE c.big`,
      USER,
    );
    expect(errors).toEqual([expect.stringContaining(`c.big has documents with doc->>'user_id'`)]);
    expect(db.statements.find((text) => text.includes('"c"."big"'))).toContain('TABLESAMPLE SYSTEM');
  });

  test('skips documents that it may not read or that jsonb cannot hold', async () => {
    const role = `reader_${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
    await db.sql.unsafe(`${USERS} CREATE TABLE c.hooks (payload jsonb); INSERT INTO c.hooks VALUES ('{"user_id": 1}');
      CREATE TABLE c.odd (payload json); INSERT INTO c.odd VALUES ('{"user_id": "\\u0000"}');
      CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
    await db.sql.unsafe(systemSql(USER, { system: 'app', role }));
    const restricted = Object.assign(new URL(db.url), { username: role, password: 'p' }).href;
    await db.sql.unsafe(`GRANT SELECT ON c.odd TO ${role}`);
    const connector = openPostgres(USER, { system: 'app', secret: () => restricted });
    expect(await connector.inspect({ thorough: true })).toEqual([]);
    await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});
