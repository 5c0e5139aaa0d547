import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PostgresSettings, TableMap } from '../../connectors/postgres/data-map.ts';
import { postgres, processorSql } from '../../connectors/postgres/index.ts';
import {
  COMPANY,
  type Fixture,
  SETTINGS,
  USER,
  batchOf,
  byIdentities,
  deletion,
  exported,
  fixture,
  mapped,
  matchesOf,
  requestId,
  resolved,
  user,
  withUser,
  work,
} from './fixture.ts';

const LAST = `kinds.user.tables.${USER.tables?.length ?? 0}`;

describe('inspect()', () => {
  let db: Fixture;
  beforeEach(async () => {
    db = await fixture(3);
  });
  afterEach(async () => {
    for (const role of roles.splice(0)) await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await db.close();
  });

  const mistakes = async (sql: string, settings = SETTINGS, url = db.url) => {
    await db.sql.unsafe(sql);
    const found = await db.connector({}, settings, url).inspect();
    return found.map(({ path, message }) => `${path}: ${message}`);
  };

  test('finds no mistake where there is none, and changes nothing', async () => {
    const before = await db.state();
    expect(await mistakes('')).toEqual([]);
    expect(await db.state()).toEqual(before);
  });

  test('finds no mistake with the least grants, which suffice for every verb', async () => {
    const url = await least(db, SETTINGS);
    expect(await mistakes('', SETTINGS, url)).toEqual([]);
    const connector = db.connector({ statementTimeoutMs: 5_000 }, SETTINGS, url);
    const id = requestId();
    const of = (batch: string) => batchOf([user(1)], { requestId: id, batch });
    expect(matchesOf(await resolved(connector, byIdentities(...user(1))))).toHaveLength(3);
    await resolved(connector, { requestId: id, kind: 'user', by: 'segment', segment: 'odd' });
    expect((await connector.count(of('b1'), 'data', work())).presentSeqs).toEqual([1]);
    for (const scope of ['data', 'categories', 'sources'] as const)
      expect((await exported(connector, of('e1'), { scope })).get('app.order_items')?.figures.rows).toBe(2);
    for (const [batch, scope] of [
      ['b3', 'categories'],
      ['b4', 'sources'],
    ] as const) {
      await connector.hardDelete(of(batch), deletion({ scope }), work());
      expect(await connector.verify(of(batch), scope, work())).toMatchObject({ survivors: 0 });
    }
    await connector.setVisibility?.(of('g1'), { hidden: true, generation: 1, at: new Date() }, work());
    await connector.setVisibility?.(of('g2'), { hidden: false, generation: 2, at: new Date() }, work());
    await connector.setSuppression?.(of('s1'), true, work());
    await connector.setSuppression?.(of('s2'), false, work());
    expect(await connector.hardDelete(of('b1'), deletion({ suppress: true }), work())).toEqual({ done: true });
    expect(await connector.verify(of('b1'), 'data', work())).toMatchObject({ survivors: 0 });
    const company = batchOf([[{ type: 'company_id', value: ['1'] }]], { requestId: id, kind: 'company', batch: 'b2' });
    expect(await connector.hardDelete(company, deletion(), work())).toEqual({ done: true });
    await connector.conclude?.({ requestId: id, kind: 'user' }, work());
  });

  test('tells all mistakes at once', async () => {
    const found = await mistakes(
      'DROP INDEX app.events_user; ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE app.ratings RENAME TO stars; DROP SCHEMA lethe_processor CASCADE',
    );
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^url: the schema lethe_processor is missing/),
        expect.stringMatching(/^kinds\.user\.tables\.0\.subject: .*index/),
        expect.stringMatching(/^kinds\.user\.tables\.5\.table: app\.ratings does not exist/),
        expect.stringMatching(/^kinds: app\.stars has the column user_id/),
      ]),
    );
  });

  test.each<[string, string, RegExp, PostgresSettings?]>([
    ['a read-only server', `ALTER DATABASE CURRENT SET default_transaction_read_only = on`, /^url: .*read-only/],
    ['a missing schema', 'DROP SCHEMA lethe_processor CASCADE', /^url: the schema lethe_processor is missing/],
    ['an older schema', 'UPDATE lethe_processor.schema_version SET version = 0', /^url: .* version 0/],
    [
      'a schema made for another map',
      `DELETE FROM lethe_processor.identity_types WHERE type = 'email'`,
      /^url: .*other identity types/,
    ],
    [
      'a view as a table',
      'CREATE VIEW app.v AS SELECT * FROM app.events',
      new RegExp(`^${LAST}.table: app.v is a view`),
      mapped({ table: 'app.v', subject: 'user_id' }),
    ],
    [
      'a materialised view',
      'CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.events',
      /^kinds: app\.m has the column user_id/,
    ],
    [
      'inheriting tables',
      'CREATE TABLE app.old_events () INHERITS (app.events)',
      /^kinds\.user\.tables\.0\.table: .*inherit/,
    ],
    [
      'a rule',
      'CREATE RULE keep AS ON DELETE TO app.events DO INSTEAD NOTHING',
      /^kinds\.user\.tables\.0\.table: .*rule keep/,
    ],
    ['a missing table', 'DROP TABLE app.newsletter', /^kinds\.user\.tables\.3\.table: app\.newsletter does not exist/],
    [
      'a missing column',
      'ALTER TABLE app.invoices DROP COLUMN address',
      /^kinds\.user\.tables\.4\.retain\.blank: .*no column address/,
    ],
    [
      'an unindexed subject column',
      'DROP INDEX app.events_user',
      /^kinds\.user\.tables\.0\.subject: .*index that begins with user_id/,
    ],
    [
      'a partial index',
      'DROP INDEX app.events_user; CREATE INDEX ON app.events (user_id) WHERE note IS NOT NULL',
      /^kinds\.user\.tables\.0\.subject: .*index/,
    ],
    [
      'an index in the wrong order',
      'DROP INDEX app.events_user; CREATE INDEX ON app.events (at, user_id)',
      /^kinds\.user\.tables\.0\.subject: .*index/,
    ],
    [
      'an index without lower()',
      'DROP INDEX app.users_email; CREATE INDEX ON app.users (email, unit)',
      /^kinds\.user\.identities\.email: .*lower\(email\)/,
    ],
    ['an unindexed alias target', 'DROP INDEX app.aliases_user', /^kinds\.user\.aliases\.subject: .*index/],
    [
      'an unindexed via column',
      'ALTER TABLE app.order_items DROP CONSTRAINT order_items_pkey',
      /^kinds\.user\.tables\.2\.via: .*index/,
    ],
    [
      'a key that is not unique',
      'ALTER TABLE app.companies DROP CONSTRAINT companies_pkey CASCADE; CREATE INDEX ON app.companies (company_id)',
      /^kinds\.company\.key: .*not unique/,
    ],
    [
      'a table with the subject key',
      'CREATE TABLE app.logins (user_id text)',
      /^kinds: app\.logins has the column user_id/,
    ],
    [
      'a table with an e-mail column',
      'CREATE TABLE app.leads (work_email text)',
      /^kinds: app\.leads has the column work_email/,
    ],
    [
      'a table that references a mapped one',
      'CREATE TABLE app.parcels (parcel_id int PRIMARY KEY, o bigint REFERENCES app.orders)',
      /^kinds: app\.parcels references app\.orders/,
    ],
    [
      'a table two references away',
      'CREATE TABLE app.parcels (p int PRIMARY KEY, o bigint REFERENCES app.orders); CREATE TABLE app.scans (p int REFERENCES app.parcels)',
      /^kinds: app\.scans references app\.parcels/,
    ],
    [
      'an ignored table that does not exist',
      'DROP TABLE app.offices',
      /^ignore\.0\.table: app\.offices does not exist/,
    ],
    [
      'CASCADE into an unmapped table',
      'CREATE TABLE app.parcels (o bigint REFERENCES app.orders ON DELETE CASCADE)',
      /^kinds\.user\.tables\.1: app\.parcels references app\.orders ON DELETE CASCADE/,
    ],
    [
      'CASCADE into a retained table',
      'ALTER TABLE app.invoices DROP CONSTRAINT invoices_user_id_fkey, ADD FOREIGN KEY (user_id) REFERENCES app.users ON DELETE CASCADE',
      /^kinds\.user: app\.invoices .*CASCADE, and is to be retained/,
    ],
    [
      'CASCADE from a company to its users',
      'ALTER TABLE app.users ADD company bigint REFERENCES app.companies ON DELETE CASCADE',
      /^kinds\.company: app\.users .*CASCADE, and is not mapped for company/,
    ],
    [
      'CASCADE to rows of others',
      'ALTER TABLE app.events ADD answered bigint REFERENCES app.events ON DELETE CASCADE',
      /^kinds\.user\.tables\.0: app\.events .*rows of others/,
    ],
    [
      'SET NULL',
      'ALTER TABLE app.events ADD o bigint REFERENCES app.orders ON DELETE SET NULL',
      /^kinds\.user\.tables\.1: .*SET NULL/,
    ],
    [
      'SET DEFAULT',
      'ALTER TABLE app.events ADD o bigint REFERENCES app.orders ON DELETE SET DEFAULT',
      /^kinds\.user\.tables\.1: .*SET DEFAULT/,
    ],
    [
      'a retained reference that is not stated',
      '',
      /^kinds\.user\.tables\.4\.retain\.unlink: app\.invoices references app\.users/,
      withUser({
        tables: (USER.tables ?? []).map((table) =>
          table.table === 'app.invoices' ? { ...table, retain: { basis: 'tax' } } : table,
        ),
      }),
    ],
    [
      'a pseudonym in a foreign key',
      '',
      /^kinds\.user\.tables\.4\.retain\.unlink: .*no pseudonym/,
      withUser({
        tables: (USER.tables ?? []).map((table) =>
          table.table === 'app.invoices' ? { ...table, retain: { basis: 'tax', unlink: 'pseudonym' } } : table,
        ),
      }),
    ],
    [
      'unlinking what cannot be NULL',
      '',
      /^kinds\.user\.tables\.5\.retain\.unlink: user_id cannot be NULL/,
      withUser({
        tables: (USER.tables ?? []).map((table) =>
          table.table === 'app.ratings' ? { ...table, retain: { basis: 'statistics', unlink: 'null' } } : table,
        ),
      }),
    ],
    [
      'sources that can be neither NULL nor a constant',
      'ALTER TABLE app.order_items ALTER sku SET NOT NULL, ALTER sku SET DEFAULT gen_random_uuid()',
      /^kinds\.user\.tables\.2\.sources: sku cannot be emptied: it can be neither NULL nor a constant default/,
    ],
    [
      'sources by which a table is partitioned',
      `DROP TABLE app.order_items; CREATE TABLE app.order_items (order_id bigint REFERENCES app.orders, line int, sku text)
         PARTITION BY LIST (sku); CREATE INDEX ON app.order_items (order_id)`,
      /^kinds\.user\.tables\.2\.sources: sku cannot be emptied/,
    ],
    [
      'a time that is none',
      'ALTER TABLE app.events ALTER at DROP DEFAULT, ALTER at TYPE text',
      /^kinds\.user\.tables\.0\.time: at is text: it must be an instant or a date/,
    ],
    [
      'words for a column that is not there',
      'ALTER TABLE app.events RENAME note TO remark',
      /^kinds\.user\.tables\.0\.columns: app\.events has no column note/,
    ],
    [
      'blanking what cannot be NULL',
      'UPDATE app.invoices SET address = 1; ALTER TABLE app.invoices ALTER address SET NOT NULL',
      /^kinds\.user\.tables\.4\.retain\.blank: address cannot be NULL/,
    ],
    [
      'a trigger that nobody listed',
      `CREATE FUNCTION app.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; CREATE TRIGGER keep BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.t()`,
      /^kinds\.user\.tables\.0\.triggers: the trigger keep/,
    ],
    [
      'a listed trigger that does not exist',
      '',
      /^kinds\.user\.triggers: app\.users has no trigger gone/,
      withUser({ triggers: ['gone'] }),
    ],
    [
      'a soft-delete column of text',
      '',
      /^kinds\.user\.softDelete\.column: name is text/,
      withUser({ softDelete: { column: 'name' } }),
    ],
    [
      'a subject column of a type that names nobody',
      'ALTER TABLE app.ratings DROP COLUMN user_id; ALTER TABLE app.ratings ADD user_id jsonb; CREATE INDEX ON app.ratings (user_id)',
      /^kinds\.user\.tables\.5\.subject: user_id is jsonb/,
    ],
    [
      'a uuid that is compared as text',
      '',
      /^kinds\.user\.identities\.ext: ext is uuid: declare match: 'uuid'/,
      withUser({ identities: { ...USER.identities, ext: { column: 'ext' } } }),
    ],
    [
      'tables that wait for each other',
      'ALTER TABLE app.users ADD o bigint REFERENCES app.orders',
      /^kinds\.user: no order of deletion/,
    ],
  ])('refuses %s, with its path', async (_name, sql, mistake, settings = SETTINGS) => {
    const statement = sql.replace('DATABASE CURRENT', `DATABASE ${new URL(db.url).pathname.slice(1)}`);
    expect(await mistakes(statement, settings)).toEqual(expect.arrayContaining([expect.stringMatching(mistake)]));
  });

  test('refuses row-level security that applies to its role, and accepts it where it does not', async () => {
    const url = await least(db, SETTINGS);
    const policy =
      'ALTER TABLE app.events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.events USING (note IS NULL)';
    expect(await mistakes(policy, SETTINGS, url)).toEqual([
      expect.stringMatching(/^kinds\.user\.tables\.0\.table: .*row-level security/),
    ]);
    expect(await mistakes('')).toEqual([]);
  });

  test.each([
    ['DELETE', 'REVOKE DELETE ON app.events', /^kinds\.user\.tables\.0\.table: DELETE is not granted on app\.events/],
    ['SELECT', 'REVOKE SELECT ON app.newsletter', /^kinds\.user\.tables\.3\.table: SELECT is not granted/],
    [
      'UPDATE of a blanked column',
      'REVOKE UPDATE (address) ON app.invoices',
      /^kinds\.user\.tables\.4\.table: UPDATE of address is not granted/,
    ],
    [
      'UPDATE of a column of sources',
      'REVOKE UPDATE (sku) ON app.order_items',
      /^kinds\.user\.tables\.2\.table: UPDATE of sku is not granted/,
    ],
    [
      'Lethe’s own tables',
      'REVOKE INSERT ON lethe_processor.batch',
      /^url: rights on lethe_processor are missing \(batch INSERT\)/,
    ],
  ])('refuses a role without %s', async (_name, revoke, mistake) => {
    const url = await least(db, SETTINGS);
    expect(await mistakes(`${revoke} FROM ${new URL(url).username}`, SETTINGS, url)).toEqual([
      expect.stringMatching(mistake),
    ]);
  });

  test('refuses a role without UPDATE of the flag, or of what a part-deletion empties', async () => {
    const url = await least(db, SETTINGS);
    expect(await mistakes(`REVOKE UPDATE ON app.users FROM ${new URL(url).username}`, SETTINGS, url)).toEqual([
      expect.stringMatching(/^kinds\.user\.table: UPDATE of deleted_at is not granted/),
      expect.stringMatching(/^kinds\.user\.table: UPDATE of name is not granted/),
    ]);
  });

  test('grants no right that no verb needs', async () => {
    const role = new URL(await least(db, SETTINGS)).username;
    const [row] = await db.sql<Record<string, boolean>[]>`
      SELECT has_table_privilege(${role}, 'app.invoices', 'DELETE') AS "deletes retained",
             has_table_privilege(${role}, 'app.events', 'UPDATE') AS "updates events",
             has_column_privilege(${role}, 'app.order_items', 'line', 'UPDATE') AS "updates lines",
             has_table_privilege(${role}, 'app.users', 'INSERT') AS "adds users",
             has_table_privilege(${role}, 'app.offices', 'SELECT') AS "reads the ignored",
             has_table_privilege(${role}, 'lethe_processor.secret', 'SELECT') AS "reads the key",
             has_table_privilege(${role}, 'app.events', 'TRUNCATE') AS truncates`;
    expect(Object.entries(row ?? {}).filter(([, granted]) => granted)).toEqual([]);
  });

  test('a partitioned table is covered as one, its partitions are no tables of their own', async () => {
    const sql = `CREATE TABLE app.visits (user_id text, at date) PARTITION BY RANGE (at);
      CREATE TABLE app.visits_1 PARTITION OF app.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      CREATE INDEX ON app.visits (user_id)`;
    expect(await mistakes(sql)).toEqual([expect.stringMatching(/^kinds: app\.visits has the column user_id/)]);
    expect(await mistakes('', mapped({ table: 'app.visits', subject: 'user_id' }))).toEqual([]);
  });

  test('a server that is away is no mistake but an error worth another try, which holds no password', async () => {
    const url = db.url
      .replace(/:\d+\//, ':1/')
      .replace('//', '//someone:secret@')
      .replace('postgres@', '');
    const error: unknown = await mistakes('', SETTINGS, url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable', retryable: true, message: 'PostgreSQL: ECONNREFUSED' });
    expect(JSON.stringify([String(error), error])).not.toContain('secret');
  });
});

describe('mistakes() without a connection', () => {
  const paths = (settings: unknown): string[] =>
    // What a person wrote may be anything: the shape is what is judged.
    postgres(settings as PostgresSettings)
      .mistakes()
      .map(({ path }) => path);

  test('a right map has none', () => expect(paths(SETTINGS)).toEqual([]));

  test.each<[string, unknown, string]>([
    ['an unknown key', { ...SETTINGS, kindz: {} }, 'kindz'],
    [
      'an unknown key of a table',
      mapped({ table: 'app.x', subject: 'user_id', wher: 1 } as unknown as TableMap),
      `${LAST}.wher`,
    ],
    ['a share of nothing', { ...SETTINGS, pace: { share: 0 } }, 'pace.share'],
    ['a share above one', { ...SETTINGS, pace: { share: 2 } }, 'pace.share'],
    ['no kind at all', { ...SETTINGS, kinds: {} }, 'kinds'],
    ['a table without a subject', mapped({ table: 'app.x' } as unknown as TableMap), LAST],
    ['a name with a dot too many', mapped({ table: 'a.b.c', subject: 'user_id' }), `${LAST}.table`],
    [
      'via a table that is not mapped',
      mapped({ table: 'app.x', via: { table: 'app.y', on: { a: 'b' } } }),
      `${LAST}.via.table`,
    ],
    [
      'an identity that is not declared',
      mapped({ table: 'app.x', subject: { identity: 'phone', columns: ['p'] } }),
      `${LAST}.subject.identity`,
    ],
    [
      'half of a composite identity',
      mapped({ table: 'app.x', subject: { identity: 'email', columns: ['email'] } }),
      `${LAST}.subject.columns`,
    ],
    [
      'sources by which rows are found',
      mapped({ table: 'app.x', subject: 'user_id', sources: ['user_id'] }),
      `${LAST}.sources`,
    ],
    ['sources that are an identity', withUser({ sources: ['email'] }), 'kinds.user.sources'],
    [
      'sources by which the other kind finds rows',
      {
        ...SETTINGS,
        kinds: {
          user: { ...USER, sources: ['name'] },
          company: { ...COMPANY, tables: [{ table: 'app.users', subject: 'name' }] },
        },
      },
      'kinds.user.sources',
    ],
    [
      'sources through which other rows are found',
      withUser({
        tables: [
          { table: 'app.orders', subject: 'user_id', sources: ['order_id'] },
          { table: 'app.order_items', via: { table: 'app.orders', on: { order_id: 'order_id' } } },
        ],
      }),
      'kinds.user.tables.0.sources',
    ],
    [
      'a column without a meaning',
      mapped({ table: 'app.x', subject: 'user_id', columns: { a: ' ' } }),
      `${LAST}.columns.a`,
    ],
    ['an identity called alias', withUser({ identities: { alias: { column: 'x' } } }), 'kinds.user.identities.alias'],
    ['ignoring without a reason', { ...SETTINGS, ignore: [{ table: 'app.x', reason: ' ' }] }, 'ignore.0.reason'],
    ['ignoring what is mapped', { ...SETTINGS, ignore: [{ table: 'app.users', reason: 'x' }] }, 'ignore.0.table'],
    ['a url that is not a name', { ...SETTINGS, url: 'postgres://a' }, 'url'],
  ])('refuses %s', (_name, settings, path) => expect(paths(settings)).toContain(path));

  test('the hash follows the meaning of the map, not its spelling', () => {
    const hash = (settings: PostgresSettings) => postgres(settings).describe().dataMapHash;
    const { kinds, ...rest } = SETTINGS;
    expect(hash({ ...rest, kinds: { company: kinds.company, user: kinds.user } as PostgresSettings['kinds'] })).toBe(
      hash(SETTINGS),
    );
    expect(hash({ ...SETTINGS, pace: { share: 0.5 } })).toBe(hash(SETTINGS));
    const told = { about: 'what the person bought', columns: { note: 'a remark' } };
    expect(hash(mapped({ ...told, table: 'app.x', subject: 'user_id' }))).toBe(
      hash(mapped({ table: 'app.x', subject: 'user_id' })),
    );
    expect(hash(withUser({ about: 'the person' }))).toBe(hash(SETTINGS));
    expect(hash(mapped({ table: 'app.x', subject: 'user_id' }))).not.toBe(hash(SETTINGS));
  });
});

const roles: string[] = [];

/** A role of its own with what processor-sql grants and nothing else; only superusers may be written here otherwise. */
async function least(db: Fixture, settings: PostgresSettings): Promise<string> {
  const role = `lethe_${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
  await db.sql.unsafe(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  roles.push(role);
  await db.sql.unsafe(processorSql(settings, { processor: 'app', role }));
  return Object.assign(new URL(db.url), { username: role, password: 'p' }).href;
}
