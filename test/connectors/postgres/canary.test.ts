import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test, type TestContext } from 'vitest';
import type { Identity } from '../../../domain/identity.ts';
import {
  type Fixture,
  batchOf,
  byIdentities,
  deletion,
  exportAll,
  fixture,
  requestId,
  resolveAll,
  allText,
  testContext,
} from '../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(5);
});
afterEach(() => db.close());

const CANARIES = [
  'canary-key',
  'canary-alias',
  'canary@mail.test',
  'canary-unit',
  'ca2a2100-0000-4000-8000-00000000c0de',
];
const IDENTITIES: readonly Identity[] = [
  { type: 'user_id', value: ['canary-key'] },
  { type: 'alias', value: ['canary-alias'] },
  { type: 'email', value: ['canary@mail.test', 'canary-unit'] },
  { type: 'ext', value: ['ca2a2100-0000-4000-8000-00000000c0de'] },
];

const seedCanaries = async (): Promise<void> => {
  const [key, alias, email, unit, ext] = CANARIES;
  await db.sql`INSERT INTO app.users (user_id, ext, email, unit) VALUES (${key ?? ''}, ${ext ?? ''}, ${email ?? ''}, ${unit ?? ''})`;
  await db.sql`INSERT INTO app.aliases VALUES (${alias ?? ''}, ${key ?? ''})`;
  await db.sql`INSERT INTO app.events (user_id) VALUES (${key ?? ''}), (${alias ?? ''})`;
  await db.sql`INSERT INTO app.ratings (user_id, comment) VALUES (${key ?? ''}, 'x')`;
};

/** Makes the server log every statement with its duration and parameters. */
const enableStatementLog = async (): Promise<void> => {
  const name = new URL(db.url).pathname.slice(1);
  for (const setting of [
    `log_statement = 'all'`,
    'log_min_duration_statement = 0',
    'log_parameter_max_length = -1',
    'log_parameter_max_length_on_error = -1',
    `log_min_error_statement = 'error'`,
  ])
    await db.sql.unsafe(`ALTER DATABASE ${name} SET ${setting}`);
};

/** Skips the test on an external server, whose log cannot be read. */
const serverLogOf = (context: TestContext): string =>
  inject('postgresLog') ?? context.skip('the log of an external server cannot be read');

async function readServerLog(file: string, since: number, marker: string): Promise<string> {
  await db.sql.unsafe(`DO $$ BEGIN RAISE LOG '${marker}'; END $$`);
  for (;;) {
    const text = readFileSync(file, 'utf8').slice(since);
    if (text.includes(marker)) return text;
    await sleep(20);
  }
}

test('does not write identities to the server log, also when a verb fails', async (context) => {
  const file = serverLogOf(context);
  await seedCanaries();
  await enableStatementLog();
  const since = readFileSync(file, 'utf8').length;
  const connector = db.connector({ retries: 1 });
  const id = requestId();
  let exportedText = '';
  const facts = await resolveAll(connector, byIdentities(...IDENTITIES));
  expect(facts.length).toBeGreaterThan(4);
  const batch = (name: string) => batchOf([IDENTITIES], { requestId: id, batch: name });
  await connector.count(batch('b1'), 'data', testContext());
  for (const scope of ['data', 'categories', 'sources'] as const)
    for (const format of ['ndjson', 'csv'] as const)
      exportedText += allText(await exportAll(connector, batch('e1'), { scope, format, since: new Date(0) }));
  for (const scope of ['categories', 'sources'] as const) {
    await connector.hardDelete(batch(`b-${scope}`), deletion({ scope }), testContext());
    expect(await connector.verify(batch(`b-${scope}`), scope, testContext())).toMatchObject({ survivors: 0 });
  }
  await connector.setVisibility?.(batch('g1'), { hidden: true, generation: 1, at: new Date() }, testContext());
  await connector.setVisibility?.(batch('g2'), { hidden: false, generation: 2, at: new Date() }, testContext());
  await connector.setSuppression?.(batch('s1'), true, testContext());
  await db.sql.unsafe(
    `CREATE TABLE app.parcels (o text REFERENCES app.users); INSERT INTO app.parcels SELECT user_id FROM app.users`,
  );
  const blocked = await connector.hardDelete(batch('b1'), deletion(), testContext());
  expect(blocked).toEqual({ done: true, blocked: [expect.objectContaining({ seq: 1, table: 'app.parcels' })] });
  await db.sql.unsafe('DROP TABLE app.parcels');
  await connector.hardDelete(batch('b1'), deletion({ suppress: true }), testContext());
  expect(await connector.verify(batch('b1'), 'data', testContext())).toMatchObject({ survivors: 0 });
  const during = await readSystemTables();
  await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());

  const log = await readServerLog(file, since, `end of ${id}`);
  expect(log).toContain('lethe_system.batch');
  expect(log).toContain('a row that still references it');
  for (const canary of CANARIES) expect(log).not.toContain(canary);
  // Proves that the canaries were present while the batch was loaded.
  expect(during).toContain('canary-key');
  for (const canary of CANARIES) expect(exportedText).toContain(canary);
  const after = await readSystemTables();
  for (const canary of CANARIES) expect(after).not.toContain(canary);
});

/** All rows of lethe_system as text. */
async function readSystemTables(): Promise<string> {
  const tables = await db.sql<
    { name: string }[]
  >`SELECT relname AS name FROM pg_class WHERE relnamespace = 'lethe_system'::regnamespace AND relkind = 'r'`;
  const rows = await Promise.all(
    tables.map(({ name }) => db.sql.unsafe(`SELECT t::text AS row FROM lethe_system.${name} AS t`)),
  );
  return JSON.stringify(rows);
}

test.each(['connector', 'suppression'])('throws an error without identities when the %s fails', async (verb) => {
  await seedCanaries();
  await db.sql
    .unsafe(`CREATE FUNCTION app.raise_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''% %'', OLD.user_id, OLD USING ERRCODE = ''42501''; END';
    CREATE TRIGGER raise_row BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.raise_row()`);
  if (verb === 'suppression')
    await db.sql.unsafe('DROP TRIGGER raise_row ON app.events; DROP TABLE lethe_system.suppressions');
  const error: unknown = await db
    .connector()
    .hardDelete(batchOf([IDENTITIES]), deletion({ suppress: true }), testContext())
    .catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'ConnectorError' });
  const everything =
    error instanceof Error ? JSON.stringify([error.message, error.stack, error.cause, Object.entries(error)]) : '';
  expect(everything).not.toBe('');
  for (const canary of CANARIES) expect(everything).not.toContain(canary);
});

test.each<[string, string]>([
  ['a constraint whose error contains the row', `ALTER TABLE app.users ADD CONSTRAINT named CHECK (name IS NOT NULL)`],
  [
    'a trigger whose error contains the row',
    `CREATE FUNCTION app.raise_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''% %'', OLD.user_id, OLD; END';
     CREATE TRIGGER raise_row BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.raise_row()`,
  ],
])('blocks a subject without identities when its part deletion violates %s', async (_name, sql) => {
  await seedCanaries();
  await db.sql`UPDATE app.users SET name = 'canary-name'`;
  await db.sql.unsafe(sql);
  const end = await db.connector().hardDelete(batchOf([IDENTITIES]), deletion({ scope: 'categories' }), testContext());
  expect(end).toMatchObject({ done: true, blocked: [{ seq: 1 }] });
  for (const canary of [...CANARIES, 'canary-name']) expect(JSON.stringify(end)).not.toContain(canary);
});

test('does not write a row to the server log when a constraint rejects a cleared value', async (context) => {
  const file = serverLogOf(context);
  await seedCanaries();
  await db.sql.unsafe(
    `UPDATE app.users SET name = 'x'; ALTER TABLE app.users ADD CONSTRAINT named CHECK (name IS NOT NULL)`,
  );
  await enableStatementLog();
  const since = readFileSync(file, 'utf8').length;
  const id = requestId();
  const end = await db
    .connector()
    .hardDelete(batchOf([IDENTITIES], { requestId: id }), deletion({ scope: 'categories' }), testContext());
  expect(end).toMatchObject({ blocked: [{ table: 'app.users', constraint: 'named' }] });
  const log = await readServerLog(file, since, `end of ${id}`);
  expect(log).toContain('a constraint or a trigger prevents this change');
  for (const canary of CANARIES) expect(log).not.toContain(canary);
});
