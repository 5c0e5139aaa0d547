import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import { type Fixture, SETTINGS, USER, fixture, withTables, withUser } from '../../fixture.ts';
import { ADDED_TABLE, inspectErrors } from '../../inspect-errors.ts';

describe('inspect()', () => {
  let db: Fixture;
  beforeEach(async () => {
    db = await fixture(3);
  });
  afterEach(() => db.close());

  test('returns no config errors and changes nothing when the data map fits the database', async () => {
    const before = await db.state();
    expect(await inspectErrors(db, '')).toEqual([]);
    expect(await db.state()).toEqual(before);
  });

  test('returns all config errors at once', async () => {
    const found = await inspectErrors(
      db,
      'DROP INDEX app.events_user; ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE app.ratings RENAME TO stars; DROP SCHEMA lethe_system CASCADE',
    );
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^url: the schema lethe_system is missing/),
        expect.stringMatching(/^kinds\.user\.tables\.0\.subject: .*index/),
        expect.stringMatching(/^kinds\.user\.tables\.5\.table: app\.ratings does not exist/),
        expect.stringMatching(/^kinds: app\.stars has the column user_id/),
      ]),
    );
  });

  test.each<[string, string, RegExp, PostgresSettings?]>([
    ['a read-only server', `ALTER DATABASE CURRENT SET default_transaction_read_only = on`, /^url: .*read-only/],
    ['a missing schema lethe_system', 'DROP SCHEMA lethe_system CASCADE', /^url: the schema lethe_system is missing/],
    ['an older version of lethe_system', 'UPDATE lethe_system.schema_version SET version = 0', /^url: .* version 0/],
    [
      'a lethe_system for another data map',
      `DELETE FROM lethe_system.identity_types WHERE type = 'email'`,
      /^url: .*other identity types/,
    ],
    [
      'a view as a table',
      'CREATE VIEW app.v AS SELECT * FROM app.events',
      new RegExp(`^${ADDED_TABLE}.table: app.v is a view`),
      withTables({ table: 'app.v', subject: 'user_id' }),
    ],
    [
      'a materialized view',
      'CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.events',
      /^materializedViews: app\.m is a materialized view over app\.events/,
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
      /^kinds\.user\.tables\.0\.subject: .*index on user_id/,
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
      'an index without lower() for a case-insensitive identity',
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
      'a table with an email column',
      'CREATE TABLE app.leads (work_email text)',
      /^kinds: app\.leads has the column work_email/,
    ],
    [
      'a table that references a mapped one',
      'CREATE TABLE app.parcels (parcel_id int PRIMARY KEY, o bigint REFERENCES app.orders)',
      /^kinds\.user\.tables\.1: app\.parcels references app\.orders .*not mapped/,
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
      /^kinds\.user\.tables\.1: app\.parcels references app\.orders by o ON DELETE CASCADE .*without a count/,
    ],
    [
      'CASCADE into a retained table that keeps its reference',
      'ALTER TABLE app.invoices DROP CONSTRAINT invoices_user_id_fkey, ADD FOREIGN KEY (user_id) REFERENCES app.users ON DELETE CASCADE',
      /^kinds\.user\.tables\.4\.retain\.unlink: app\.invoices .*CASCADE .*the database would delete the retained rows/,
      withUser({
        tables: (USER.tables ?? []).map((table) =>
          table.table === 'app.invoices' ? { ...table, retain: { basis: 'tax' } } : table,
        ),
      }),
    ],
    [
      'CASCADE from a company to its users',
      'ALTER TABLE app.users ADD company bigint REFERENCES app.companies ON DELETE CASCADE',
      /^kinds\.company: app\.users .*CASCADE .*the table is not mapped for company/,
    ],
    [
      'CASCADE to rows of other subjects',
      'ALTER TABLE app.events ADD answered bigint REFERENCES app.events ON DELETE CASCADE',
      /^kinds\.user\.tables\.0: app\.events .*no entry of the table finds its rows by these columns/,
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
      'a retained foreign key without unlink',
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
      /^kinds\.user\.tables\.4\.retain\.unlink: .*cannot hold a pseudonym/,
      withUser({
        tables: (USER.tables ?? []).map((table) =>
          table.table === 'app.invoices' ? { ...table, retain: { basis: 'tax', unlink: 'pseudonym' } } : table,
        ),
      }),
    ],
    [
      'unlink of a column that is NOT NULL',
      '',
      /^kinds\.user\.tables\.5\.retain\.unlink: user_id is NOT NULL/,
      withUser({
        tables: (USER.tables ?? []).map((table) =>
          table.table === 'app.ratings' ? { ...table, retain: { basis: 'statistics', unlink: 'null' } } : table,
        ),
      }),
    ],
    [
      'sources that are NOT NULL without a constant default',
      'ALTER TABLE app.order_items ALTER sku SET NOT NULL, ALTER sku SET DEFAULT gen_random_uuid()',
      /^kinds\.user\.tables\.2\.sources: sku cannot be cleared: it is NOT NULL without a constant default/,
    ],
    [
      'sources by which a table is partitioned',
      `DROP TABLE app.order_items; CREATE TABLE app.order_items (order_id bigint REFERENCES app.orders, line int, sku text)
         PARTITION BY LIST (sku); CREATE INDEX ON app.order_items (order_id)`,
      /^kinds\.user\.tables\.2\.sources: sku cannot be cleared/,
    ],
    [
      'a time column that is not a timestamp',
      'ALTER TABLE app.events ALTER at DROP DEFAULT, ALTER at TYPE text',
      /^kinds\.user\.tables\.0\.time: at is text; it must be a timestamp or a date/,
    ],
    [
      'wording for a missing column',
      'ALTER TABLE app.events RENAME note TO remark',
      /^kinds\.user\.tables\.0\.columns: app\.events has no column note/,
    ],
    [
      'blank of a column that is NOT NULL',
      'UPDATE app.invoices SET address = 1; ALTER TABLE app.invoices ALTER address SET NOT NULL',
      /^kinds\.user\.tables\.4\.retain\.blank: address is NOT NULL/,
    ],
    [
      'an unlisted trigger',
      `CREATE FUNCTION app.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; CREATE TRIGGER keep BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.t()`,
      /^kinds\.user\.tables\.0\.triggers: the trigger keep/,
    ],
    [
      'a listed trigger that does not exist',
      '',
      /^kinds\.user\.triggers: app\.users has no trigger missing/,
      withUser({ triggers: ['missing'] }),
    ],
    [
      'a soft-delete column of text',
      '',
      /^kinds\.user\.softDelete\.column: name is text/,
      withUser({ softDelete: { column: 'name' } }),
    ],
    [
      'a subject column of an unsupported type',
      'ALTER TABLE app.ratings DROP COLUMN user_id; ALTER TABLE app.ratings ADD user_id jsonb; CREATE INDEX ON app.ratings (user_id)',
      /^kinds\.user\.tables\.5\.subject: user_id is jsonb/,
    ],
    [
      'a uuid column without match uuid',
      '',
      /^kinds\.user\.identities\.ext: ext is uuid; set match: 'uuid'/,
      withUser({ identities: { ...USER.identities, ext: { column: 'ext' } } }),
    ],
    [
      'a reference from the subject’s own table without an entry',
      'ALTER TABLE app.users ADD o bigint REFERENCES app.orders',
      /^kinds\.user\.tables\.1: app\.users references app\.orders by o .*would block the deletion/,
    ],
  ])('rejects %s with its path', async (_name, sql, expected, settings = SETTINGS) => {
    const statement = sql.replace('DATABASE CURRENT', `DATABASE ${new URL(db.url).pathname.slice(1)}`);
    expect(await inspectErrors(db, statement, settings)).toEqual(
      expect.arrayContaining([expect.stringMatching(expected)]),
    );
  });

  test('treats a partitioned table and its partitions as one table', async () => {
    const sql = `CREATE TABLE app.visits (user_id text, at date) PARTITION BY RANGE (at);
      CREATE TABLE app.visits_1 PARTITION OF app.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      CREATE INDEX ON app.visits (user_id)`;
    expect(await inspectErrors(db, sql)).toEqual([expect.stringMatching(/^kinds: app\.visits has the column user_id/)]);
    expect(await inspectErrors(db, '', withTables({ table: 'app.visits', subject: 'user_id' }))).toEqual([]);
  });

  test('throws a retryable error without the password when the server is unreachable', async () => {
    const unreachable = db.url
      .replace(/:\d+\//, ':1/')
      .replace('//', '//someone:secret@')
      .replace('postgres@', '');
    const error: unknown = await inspectErrors(db, '', SETTINGS, unreachable).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringMatching(
        /^nothing listens at 127\.0\.0\.1:1; start the server, or correct APP_DATABASE_URL/,
      ),
    });
    expect(JSON.stringify([String(error), error])).not.toContain('secret');
  });
});
