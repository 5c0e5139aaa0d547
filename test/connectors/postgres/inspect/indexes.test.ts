import postgres from 'postgres';
import { beforeEach, afterEach, describe, expect, test } from 'vitest';
import type { ConfigError, InspectOptions } from '../../../../connectors/connector.ts';
import type { KindMap, TableMap } from '../../../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import { openPostgres, systemSql } from '../../../../connectors/postgres/index.ts';
import { createDatabase } from '../../../support/servers/postgres.ts';

let url = '';
let sql: postgres.Sql;
beforeEach(async () => {
  ({ url } = await createDatabase());
  sql = postgres(url, { max: 1, onnotice: () => {} });
});
afterEach(() => sql.end());

const SUBJECTS = 'CREATE TABLE users (user_id int PRIMARY KEY);';
const mapOf = (...tables: TableMap[]): PostgresSettings => ({
  url: { env: 'URL' },
  kinds: { user: { table: 'users', key: { column: 'user_id', match: 'integer' }, tables } },
});

/** The config errors that concern indexes. Every table counts as large unless the test says otherwise. */
async function indexErrors(
  schema: string,
  settings: PostgresSettings,
  { smallTableRows = 0, ...options }: InspectOptions & { smallTableRows?: number } = { schemaOnly: true },
): Promise<readonly ConfigError[]> {
  await sql.unsafe(schema);
  await sql.unsafe(systemSql(settings, { system: 'app' }));
  const connector = openPostgres(settings, { system: 'app', secret: () => url }, { smallTableRows });
  return (await connector.inspect(options)).filter(({ message }) => message.includes('index'));
}

const COMMENTS = `${SUBJECTS} CREATE TABLE comments (comment_id int PRIMARY KEY, owner_type text, owner_id int, deleted_at date, body text);`;
const comments: TableMap = { table: 'comments', subject: 'owner_id', where: { owner_type: 'User' } };

describe('an index', () => {
  test.each<[string, string, TableMap]>([
    ['the columns before the look-up are constants of the entry', '(owner_type, owner_id)', comments],
    [
      'a constant is one of several',
      '(owner_type, owner_id)',
      { ...comments, where: { owner_type: ['User', 'Admin'] } },
    ],
    ['a constant is NULL', '(deleted_at, owner_id)', { ...comments, where: { deleted_at: null } }],
    ['its predicate is implied by the constants', `(owner_id) WHERE owner_type = 'User'`, comments],
    ['its predicate is implied by the look-up', '(owner_id) WHERE owner_id IS NOT NULL', comments],
    ['it has more columns behind the look-up', '(owner_id, body)', comments],
    ['it is a hash index', 'USING hash (owner_id)', comments],
  ])('counts when %s', async (_, index, entry) => {
    const on = index.startsWith('USING') ? index : ` ${index}`;
    expect(await indexErrors(`${COMMENTS} CREATE INDEX ON comments ${on}`, mapOf(entry))).toEqual([]);
  });

  test.each<[string, string, TableMap]>([
    ['a column before the look-up is not constant', '(body, owner_id)', comments],
    ['the constant of another entry would be needed', `(owner_id) WHERE owner_type = 'Post'`, comments],
    ['rows outside its predicate are deleted too', '(owner_id) WHERE deleted_at IS NULL', comments],
    ['a constant may also be NULL', '(owner_type, owner_id)', { ...comments, where: { owner_type: ['User', null] } }],
    ['the method cannot find equal values quickly', 'USING brin (owner_id)', comments],
    ['it is on an expression of the column', '((owner_id + 1))', comments],
  ])('does not count when %s', async (_, index, entry) => {
    expect(await indexErrors(`${COMMENTS} CREATE INDEX ON comments ${index}`, mapOf(entry))).toEqual([
      {
        path: 'kinds.user.tables.0.subject',
        message:
          'public.comments needs an index on owner_id; run: CREATE INDEX CONCURRENTLY ON "public"."comments" ("owner_id");',
        sql: 'CREATE INDEX CONCURRENTLY ON "public"."comments" ("owner_id");',
      },
    ]);
  });
});

describe('an index on an expression', () => {
  const HOOKS = `CREATE TABLE users (user_id text PRIMARY KEY, "E-Mail" varchar(80)); CREATE TABLE hooks (payload jsonb);`;
  const user: KindMap = {
    table: 'users',
    key: 'user_id',
    identities: { email: { column: 'E-Mail', match: 'caseInsensitive' } },
    tables: [{ table: 'hooks', subject: `payload->'actor'->>'user_id'` }],
  };
  const settings: PostgresSettings = { url: { env: 'URL' }, kinds: { user } };

  test('counts for lower(column) and for a key inside a document', async () => {
    const indexes = `CREATE INDEX ON users (lower("E-Mail")); CREATE INDEX ON hooks ((payload->'actor'->>'user_id'))`;
    expect(await indexErrors(`${HOOKS} ${indexes}`, settings)).toEqual([]);
  });

  test('is printed as a statement that then corrects the error', async () => {
    const errors = await indexErrors(HOOKS, settings);
    expect(errors.map(({ path }) => path)).toEqual(['kinds.user.identities.email', 'kinds.user.tables.0.subject']);
    for (const { sql: statement = '' } of errors) await sql.unsafe(statement);
    expect(await indexErrors('', settings)).toEqual([]);
  });

  test('does not count for another key of the document, nor for the plain column', async () => {
    const indexes = `CREATE INDEX ON users ("E-Mail"); CREATE INDEX ON hooks ((payload->'object'->>'user_id'))`;
    expect(await indexErrors(`${HOOKS} ${indexes}`, settings)).toHaveLength(2);
  });
});

describe('an array of keys', () => {
  const POSTS = `${SUBJECTS} CREATE TABLE posts (post_id int PRIMARY KEY, reader_ids int[]);`;
  const settings = mapOf({
    table: 'posts',
    subject: { contains: 'reader_ids', match: 'key' },
    detach: { reader_ids: null },
  });

  test('needs a GIN index, whose statement corrects the error', async () => {
    const [error, ...others] = await indexErrors(`${POSTS} CREATE INDEX ON posts (reader_ids)`, settings);
    expect([others, error?.sql]).toEqual([
      [],
      'CREATE INDEX CONCURRENTLY ON "public"."posts" USING gin ("reader_ids");',
    ]);
    await sql.unsafe(error?.sql ?? '');
    expect(await indexErrors('', settings)).toEqual([]);
  });
});

describe('a look-up by several columns', () => {
  const TENANTS = `CREATE TABLE members (tenant int, code text, PRIMARY KEY (tenant, code));
    CREATE TABLE visits (visit int, tenant int, code text);`;
  const settings: PostgresSettings = {
    url: { env: 'URL' },
    kinds: {
      user: {
        table: 'members',
        key: { name: 'member', columns: ['tenant', 'code'] },
        tables: [{ table: 'visits', subject: { columns: ['tenant', 'code'] } }],
      },
    },
  };

  test('uses an index in any order of its columns', async () => {
    expect(await indexErrors(`${TENANTS} CREATE INDEX ON visits (code, tenant)`, settings)).toEqual([]);
  });

  test('uses an index on one column only if that column finds few rows', async () => {
    const rows = `INSERT INTO visits SELECT n, n % 2, 'c' || n FROM generate_series(1, 30000) n;`;
    const indexes = `CREATE INDEX by_code ON visits (code); CREATE INDEX by_tenant ON visits (tenant); ANALYZE visits`;
    expect(await indexErrors(`${TENANTS} ${rows} ${indexes}`, settings)).toEqual([]);
    expect(await indexErrors('DROP INDEX by_code', settings)).toEqual([
      expect.objectContaining({ sql: 'CREATE INDEX CONCURRENTLY ON "public"."visits" ("tenant", "code");' }),
    ]);
  });

  test('needs a unique index on exactly the columns of a key', async () => {
    const drop = 'ALTER TABLE members DROP CONSTRAINT members_pkey; CREATE INDEX ON visits (tenant, code);';
    const partial = 'CREATE UNIQUE INDEX ON members (tenant, code) WHERE tenant > 0';
    const [error, ...others] = await indexErrors(`${TENANTS} ${drop} ${partial}`, settings);
    expect([others, error?.path, error?.sql]).toEqual([
      [],
      'kinds.user.key',
      'CREATE UNIQUE INDEX CONCURRENTLY ON "public"."members" ("tenant", "code");',
    ]);
    await sql.unsafe(error?.sql ?? '');
    expect(await indexErrors('', settings)).toEqual([]);
  });
});

describe('the parts of a table', () => {
  const VISITS = `${SUBJECTS} CREATE TABLE visits (user_id int, at int) PARTITION BY RANGE (at);
    CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (1);
    CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM (1) TO (2);`;
  const settings = mapOf({ table: 'visits', subject: 'user_id' });

  test('needs no common index when each partition has its own', async () => {
    const indexes = 'CREATE INDEX ON visits_1 (user_id); CREATE INDEX ON visits_2 (user_id, at)';
    expect(await indexErrors(`${VISITS} ${indexes}`, settings)).toEqual([]);
  });

  test('names the partitions that lack an index when others have one', async () => {
    expect(await indexErrors(`${VISITS} CREATE INDEX ON visits_1 (user_id)`, settings)).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(
          'public.visits_2 (part of public.visits) needs an index on user_id',
        ) as unknown,
        sql: 'CREATE INDEX CONCURRENTLY ON "public"."visits_2" ("user_id");',
      }),
    ]);
  });

  test('prints indexes that are built without a lock and that the partitioned table takes over', async () => {
    const [error] = await indexErrors(VISITS, settings);
    const statements = error?.sql?.split('\n') ?? [];
    expect(statements).toEqual([
      'CREATE INDEX CONCURRENTLY ON "public"."visits_1" ("user_id");',
      'CREATE INDEX CONCURRENTLY ON "public"."visits_2" ("user_id");',
      'CREATE INDEX ON "public"."visits" ("user_id");',
    ]);
    for (const statement of statements) await sql.unsafe(statement);
    expect(await indexErrors('', settings)).toEqual([]);
    const [indexes] = await sql<{ number: number }[]>`
      SELECT count(*)::int AS number FROM pg_indexes WHERE tablename LIKE 'visits%'`;
    expect(indexes?.number).toBe(3);
  });

  test('includes the tables that inherit from a table', async () => {
    const schema = `${SUBJECTS} CREATE TABLE logs (user_id int); CREATE INDEX ON logs (user_id);
      CREATE TABLE old_logs () INHERITS (logs)`;
    const entry: TableMap = { table: 'logs', subject: 'user_id', inheritors: ['public.old_logs'] };
    expect(await indexErrors(schema, mapOf(entry))).toEqual([
      expect.objectContaining({ sql: 'CREATE INDEX CONCURRENTLY ON "public"."old_logs" ("user_id");' }),
    ]);
  });
});

describe('a small table', () => {
  const settings = mapOf({ table: 'notes', subject: 'user_id' });
  const notes = (rows: number): string =>
    `${SUBJECTS} CREATE TABLE notes (user_id int); INSERT INTO notes SELECT n FROM generate_series(1, ${rows}) n`;

  test('needs no index up to the bound, which the message states', async () => {
    expect(await indexErrors(notes(20), settings, { smallTableRows: 20, thorough: true })).toEqual([]);
    const [error] = await indexErrors('INSERT INTO notes VALUES (0)', settings, { smallTableRows: 20, thorough: true });
    expect(error?.message).toContain('because the table has more than 20 rows; run: CREATE INDEX CONCURRENTLY');
  });

  test('does not stop a deletion as soon as it grows beyond the bound', async () => {
    expect(await indexErrors(notes(200), settings, { smallTableRows: 20 })).toEqual([]);
    expect(await indexErrors('INSERT INTO notes VALUES (0)', settings, { smallTableRows: 20 })).toHaveLength(1);
  });

  test('needs an index when the database has only a schema, because its rows are unknown', async () => {
    expect(await indexErrors(notes(0), settings, { smallTableRows: 20, schemaOnly: true })).toHaveLength(1);
  });

  test('still needs a unique key', async () => {
    const schema = 'CREATE TABLE users (user_id int); CREATE TABLE notes (user_id int)';
    expect(await indexErrors(schema, settings, { smallTableRows: 20 })).toEqual([
      expect.objectContaining({
        path: 'kinds.user.key',
        sql: expect.stringContaining('CREATE UNIQUE INDEX') as unknown,
      }),
    ]);
  });
});

test('requires indexes on the columns by which other tables point to a shared row', async () => {
  const schema = `CREATE TABLE addresses (address_id int PRIMARY KEY, street text);
    CREATE TABLE users (user_id int PRIMARY KEY, address_id int REFERENCES addresses);
    CREATE TABLE shops (shop_id int PRIMARY KEY, place int REFERENCES addresses)`;
  const settings: PostgresSettings = {
    ...mapOf({
      table: 'addresses',
      referencedBy: { table: 'users', on: { address_id: 'address_id' } },
      sharedWith: [{ table: 'shops', on: { address_id: 'place' } }],
    }),
    ignore: [{ table: 'shops', reason: 'no persons' }],
  };
  const errors = await indexErrors(schema, settings);
  expect(errors.map(({ path, sql: statement }) => [path, statement])).toEqual([
    ['kinds.user.tables.0.referencedBy', 'CREATE INDEX CONCURRENTLY ON "public"."users" ("address_id");'],
    ['kinds.user.tables.0.sharedWith.0', 'CREATE INDEX CONCURRENTLY ON "public"."shops" ("place");'],
  ]);
});
