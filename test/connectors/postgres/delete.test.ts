import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';
import { systemSql } from '../../../connectors/postgres/index.ts';
import { type Fixture, SETTINGS, batchOf, deletion, fixture, addUpRanges, user, testContext } from '../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(30);
});
afterEach(() => db.close());

const failingTrigger = (sqlstate: string, times: number): string => `
  CREATE SEQUENCE app.attempts;
  CREATE FUNCTION app.fail() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN IF nextval('app.attempts') <= ${times} THEN RAISE EXCEPTION USING ERRCODE = '${sqlstate}', MESSAGE = 'u-1 u-2'; END IF; RETURN NULL; END $$;
  CREATE TRIGGER fail AFTER DELETE ON app.events FOR EACH STATEMENT EXECUTE FUNCTION app.fail()`;

test.each([['40P01'], ['55P03'], ['40001'], ['23503']])(
  'retries a chunk that fails with %s and counts it once',
  async (sqlstate) => {
    await db.sql.unsafe(failingTrigger(sqlstate, 2));
    const done = deletion();
    await db.connector().hardDelete(batchOf([user(1), user(2)]), done, testContext());
    expect(addUpRanges(done.ranges)['app.events']).toEqual({ removed: 4, retained: 0 });
    expect(done.ranges).toHaveLength(1);
  },
);

test.each([
  ['40P01', 'timeout', true],
  ['42501', 'refused', false],
])('reports a permanent %s as %s without the text of the server', async (sqlstate, code, retryable) => {
  await db.sql.unsafe(failingTrigger(sqlstate, 1_000));
  const before = await db.state();
  const error: unknown = await db
    .connector({ retries: 1 })
    .hardDelete(batchOf([user(1)]), deletion(), testContext())
    .catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'ConnectorError', code, retryable, message: `PostgreSQL: ${sqlstate}` });
  expect(JSON.stringify(error) + String(error)).not.toContain('u-1');
  expect(await db.state()).toEqual(before);
});

test('completes the deletion when it deadlocks with the application', async () => {
  const application = await db.sql.reserve();
  await application`BEGIN`;
  await application`SELECT FROM app.events WHERE user_id = 'u-1' FOR UPDATE`;
  const deleting = db.connector({ lockTimeoutMs: 20_000 }).hardDelete(batchOf([user(1)]), deletion(), testContext());
  for (let waiting = false; !waiting;)
    [{ waiting }] = await db.sql<
      [{ waiting: boolean }]
    >`SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted) AS waiting`;
  // The chunk has locked the user's row and waits for the event. Now the application locks the user's row.
  await application`UPDATE app.users SET name = 'x' WHERE user_id = 'u-1'`.catch(() => {});
  await application`ROLLBACK`;
  application.release();
  expect(await deleting).toEqual({ done: true });
  expect((await db.state({ users: `user_id = 'u-1'` }))['users']).toEqual([]);
});

test('times out without changes when the application holds a lock', async () => {
  const application = await db.sql.reserve();
  await application`BEGIN`;
  await application`SELECT FROM app.users WHERE user_id = 'u-1' FOR UPDATE`;
  const connector = db.connector({ lockTimeoutMs: 50, retries: 1 });
  const batch = batchOf([user(1)]);
  await expect(connector.hardDelete(batch, deletion(), testContext())).rejects.toMatchObject({
    code: 'timeout',
    retryable: true,
  });
  expect((await db.state({ events: `user_id = 'u-1'` }))['events']).toHaveLength(1);
  await application`ROLLBACK`;
  application.release();
  expect(await connector.hardDelete(batch, deletion(), testContext())).toEqual({ done: true });
});

test('runs one statement per mapped table and four more for each chunk', async () => {
  const subjects = Array.from({ length: 30 }, (_, index) => user(index + 1));
  const tables = (SETTINGS.kinds.user?.tables?.length ?? 0) + 2;
  const run = async (subjectsPerCommit: number): Promise<number> => {
    const fresh = await fixture(30);
    const paced: PostgresSettings = { ...SETTINGS, pace: { share: 1, subjectsPerCommit } };
    await fresh.connector({}, paced).hardDelete(batchOf(subjects), deletion(), testContext());
    await fresh.close();
    return fresh.statements.length;
  };
  const [oneChunk, threeChunks] = [await run(30), await run(10)];
  expect((threeChunks - oneChunk) / 2).toBe(tables + 4);
  // The call itself adds statements for catalog, batch, lock and log, but none per subject.
  expect(oneChunk - tables - 4).toBeLessThanOrEqual(12);
});

test('does not delete rows of another subject that has the same email', async () => {
  await db.sql`UPDATE app.users SET email = 'user1@x.test' WHERE user_id = 'u-2'`;
  const others = {
    users: `user_id <> 'u-1'`,
    events: `user_id NOT IN ('u-1', 'a-1')`,
    orders: `user_id <> 'u-1'`,
    newsletter: `email <> 'user1@x.test'`,
  };
  const before = await db.state(others);
  await db.connector().hardDelete(batchOf([user(1)]), deletion(), testContext());
  const after = await db.state(others);
  for (const table of ['users', 'events', 'orders', 'newsletter']) expect(after[table]).toEqual(before[table]);
  expect((await db.state({ newsletter: `email = 'user1@x.test'` }))['newsletter']).toEqual([]);
});

test('does not combine parts of two composite identities', async () => {
  await db.sql`INSERT INTO app.newsletter VALUES ('ann@x.test', 'x'), ('bob@x.test', 'y'), ('ann@x.test', 'y')`;
  const subjects = [[{ type: 'email', value: ['ann@x.test', 'x'] }], [{ type: 'email', value: ['bob@x.test', 'y'] }]];
  await db.connector().hardDelete(batchOf(subjects), deletion(), testContext());
  expect((await db.state({ newsletter: `unit IN ('x', 'y')` }))['newsletter']).toEqual(['(ann@x.test,y)']);
});

test('keeps the rows of a shared alias and deletes its link to the deleted subject', async () => {
  await db.sql`INSERT INTO app.aliases VALUES ('device', 'u-1'), ('device', 'u-2'), ('far', 'a-1')`;
  await db.sql`INSERT INTO app.events (user_id) VALUES ('device'), ('far')`;
  const identities = [...user(1), { type: 'alias', value: ['far'] }];
  await db.connector().hardDelete(batchOf([identities]), deletion(), testContext());
  const state = await db.state({
    aliases: `alias IN ('device', 'far', 'a-1') OR user_id = 'u-1'`,
    events: `user_id IN ('device', 'far', 'u-1', 'a-1')`,
  });
  expect(state['aliases']).toEqual(['(device,u-2)']);
  expect(state['events']).toHaveLength(1);
});

test('finds a case-insensitive identity in any case', async () => {
  await db.sql`INSERT INTO app.newsletter VALUES ('ANN@X.test', 'BERLIN')`;
  const batch = batchOf([[{ type: 'email', value: ['ann@x.test', 'berlin'] }]]);
  expect((await db.connector().count(batch, 'data', testContext())).tables['app.newsletter']).toBe(1);
  await db.connector().hardDelete(batch, deletion(), testContext());
  expect((await db.state({ newsletter: `lower(email) = 'ann@x.test'` }))['newsletter']).toEqual([]);
});

test('deletes a company with its memberships and without its users', async () => {
  const identities = [
    { type: 'company_id', value: ['2'] },
    { type: 'domain', value: ['firm2.test'] },
    { type: 'alias', value: ['not a number'] },
  ];
  const before = await db.state({ memberships: 'company_id <> 2', companies: 'company_id <> 2' });
  const batch = batchOf([identities, [{ type: 'company_id', value: ['99999999999999999999'] }]], { kind: 'company' });
  const done = deletion();
  await db.connector().hardDelete(batch, done, testContext());
  expect(addUpRanges(done.ranges)).toEqual({
    'app.memberships': { removed: 6, retained: 0 },
    'app.companies': { removed: 1, retained: 0 },
  });
  const after = await db.state();
  expect(after).toEqual(before);
});

test('does not match a value that cannot be cast to the type of a column', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.people (person uuid PRIMARY KEY); CREATE TABLE app.links (alias text, person uuid, PRIMARY KEY (alias, person));
    CREATE INDEX ON app.links (person); CREATE TABLE app.clicks (id int PRIMARY KEY, person uuid); CREATE INDEX ON app.clicks (person);
    INSERT INTO app.people SELECT md5(n::text)::uuid FROM generate_series(1, 3) n; INSERT INTO app.links SELECT 'x', md5('1')::uuid;
    INSERT INTO app.clicks SELECT n, md5(n::text)::uuid FROM generate_series(1, 3) n`);
  const settings: PostgresSettings = {
    url: { env: 'X' },
    kinds: {
      user: {
        table: 'app.people',
        key: { column: 'person', match: 'uuid' },
        aliases: { table: 'app.links', alias: 'alias', subject: 'person' },
        tables: [{ table: 'app.clicks', subject: 'person' }],
      },
    },
  };
  await db.sql.unsafe(systemSql(settings, { system: 'app' }));
  const [person] = await db.sql<{ id: string }[]>`SELECT md5('1')::uuid::text AS id`;
  const batch = batchOf([
    [
      { type: 'person', value: [person?.id ?? ''] },
      { type: 'alias', value: ['x'] },
      { type: 'alias', value: ["'; DROP TABLE app.people; --"] },
    ],
  ]);
  const done = deletion();
  await db.connector({}, settings).hardDelete(batch, done, testContext());
  expect(addUpRanges(done.ranges)).toEqual({
    'app.clicks': { removed: 1, retained: 0 },
    'app.links': { removed: 1, retained: 0 },
    'app.people': { removed: 1, retained: 0 },
  });
  expect((await db.state())['people']).toHaveLength(2);
});

test('blanks and unlinks retained rows and reports them with their basis', async () => {
  await db.sql`INSERT INTO app.ratings (user_id, stars, comment) VALUES ('u-1', 1, 'bad')`;
  const done = deletion();
  await db.connector().hardDelete(batchOf([user(1), user('unknown'), user(2)]), done, testContext());
  const invoices =
    await db.sql`SELECT user_id, address, cents FROM app.invoices WHERE invoice_id IN (1, 2) ORDER BY invoice_id`;
  expect([...invoices]).toEqual([
    { user_id: null, address: null, cents: 1 },
    { user_id: null, address: null, cents: 2 },
  ]);
  const ratings = await db.sql<
    { user_id: string; stars: number; comment: null }[]
  >`SELECT user_id, stars, comment FROM app.ratings WHERE user_id LIKE 'deleted-%' ORDER BY rating_id`;
  expect(ratings.map(({ stars, comment }) => [stars, comment])).toEqual([
    [5, null],
    [5, null],
    [1, null],
  ]);
  expect(ratings[0]?.user_id).toBe(ratings[2]?.user_id);
  expect(ratings[0]?.user_id).not.toBe(ratings[1]?.user_id);
  const [range] = done.ranges;
  expect(range?.tables.find(({ table }) => table === 'app.invoices')).toEqual({
    table: 'app.invoices',
    removed: 0,
    retained: [{ basis: 'tax law', rows: 2 }],
  });
  expect(range?.retained).toHaveLength(4);
  expect(range?.retained).toEqual(
    expect.arrayContaining([
      { seq: 1, basis: 'tax law', rows: 1 },
      { seq: 1, basis: 'statistics', rows: 2 },
      { seq: 3, basis: 'tax law', rows: 1 },
      { seq: 3, basis: 'statistics', rows: 1 },
    ]),
  );
  expect(await db.connector().verify(batchOf([user(1), user(2)]), 'data', testContext())).toMatchObject({
    survivors: 0,
  });
});

test('reports a retained row that still has its reference as a survivor', async () => {
  const batch = batchOf([user(1)]);
  await db.connector().hardDelete(batch, deletion(), testContext());
  await db.sql`INSERT INTO app.ratings (user_id, stars) VALUES ('u-1', 4)`;
  expect(await db.connector().verify(batch, 'data', testContext())).toMatchObject({
    survivors: 1,
    tables: { 'app.ratings': 1 },
  });
});

test.each([
  ['a revoked right', 'REVOKE SELECT ON app.events FROM', 'refused'],
  ['a new policy', 'ALTER TABLE app.events ENABLE ROW LEVEL SECURITY; SELECT', 'refused'],
])('reports unknown instead of zero after %s', async (_name, change, code) => {
  const role = `lethe_${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
  await db.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  await db.sql.unsafe(systemSql(SETTINGS, { system: 'app', role }));
  const connector = db.connector({}, SETTINGS, Object.assign(new URL(db.url), { username: role, password: 'p' }).href);
  const batch = batchOf([user(1)]);
  await connector.hardDelete(batch, deletion(), testContext());
  expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
  await db.sql.unsafe(change.endsWith('SELECT') ? change.replace(/SELECT$/, '') : `${change} ${role}`);
  expect(await connector.verify(batch, 'data', testContext())).toEqual({ unknown: code });
  await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

test('reports a missing table as unknown, and as coverage_broken when it deletes', async () => {
  const batch = batchOf([user(1)]);
  await db.sql`DROP TABLE app.newsletter`;
  expect(await db.connector().verify(batch, 'data', testContext())).toEqual({ unknown: 'coverage_broken' });
  await expect(db.connector().hardDelete(batch, deletion(), testContext())).rejects.toMatchObject({
    code: 'coverage_broken',
    retryable: false,
  });
  expect((await db.state())['users']).toHaveLength(30);
});
