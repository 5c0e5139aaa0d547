import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import { systemSql } from '../../../../connectors/postgres/index.ts';
import {
  type Fixture,
  SETTINGS,
  batchOf,
  byIdentities,
  deletion,
  exportAll,
  fixture,
  matchesOf,
  requestId,
  resolveAll,
  user,
  testContext,
} from '../../fixture.ts';
import { inspectErrors } from '../../inspect-errors.ts';

describe('inspect() with the least grants', () => {
  let db: Fixture;
  beforeEach(async () => {
    db = await fixture(3);
  });
  afterEach(async () => {
    for (const role of roles.splice(0)) await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await db.close();
  });

  test('finds no config errors with the least grants, which suffice for every verb', async () => {
    const url = await urlWithLeastGrants(db, SETTINGS);
    expect(await inspectErrors(db, '', SETTINGS, url)).toEqual([]);
    const connector = db.connector({ statementTimeoutMs: 5_000 }, SETTINGS, url);
    const id = requestId();
    const batchNamed = (batch: string) => batchOf([user(1)], { requestId: id, batch });
    expect(matchesOf(await resolveAll(connector, byIdentities(...user(1))))).toHaveLength(3);
    await resolveAll(connector, { requestId: id, kind: 'user', by: 'segment', segment: 'odd' });
    expect((await connector.count(batchNamed('b1'), 'data', testContext())).presentSeqs).toEqual([1]);
    for (const scope of ['data', 'categories', 'sources'] as const)
      expect((await exportAll(connector, batchNamed('e1'), { scope })).get('app.order_items')?.figures.rows).toBe(2);
    for (const [batch, scope] of [
      ['b3', 'categories'],
      ['b4', 'sources'],
    ] as const) {
      await connector.hardDelete(batchNamed(batch), deletion({ scope }), testContext());
      expect(await connector.verify(batchNamed(batch), scope, testContext())).toMatchObject({ survivors: 0 });
    }
    await connector.setVisibility?.(batchNamed('g1'), { hidden: true, generation: 1, at: new Date() }, testContext());
    await connector.setVisibility?.(batchNamed('g2'), { hidden: false, generation: 2, at: new Date() }, testContext());
    await connector.setSuppression?.(batchNamed('s1'), true, testContext());
    await connector.setSuppression?.(batchNamed('s2'), false, testContext());
    expect(await connector.hardDelete(batchNamed('b1'), deletion({ suppress: true }), testContext())).toEqual({
      done: true,
    });
    expect(await connector.verify(batchNamed('b1'), 'data', testContext())).toMatchObject({ survivors: 0 });
    const company = batchOf([[{ type: 'company_id', value: ['1'] }]], { requestId: id, kind: 'company', batch: 'b2' });
    expect(await connector.hardDelete(company, deletion(), testContext())).toEqual({ done: true });
    await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
  });

  test('grants reading the table that lists segments', async () => {
    await db.sql.unsafe(`CREATE TABLE app.segments (name text PRIMARY KEY); INSERT INTO app.segments VALUES ('empty')`);
    const members = { table: 'app.segment_members', segment: 'segment', subject: 'user_id' };
    const settings: PostgresSettings = {
      ...SETTINGS,
      segments: { ...members, list: { table: 'app.segments', segment: 'name' } },
    };
    const url = await urlWithLeastGrants(db, settings);
    const selection = { requestId: requestId(), kind: 'user', by: 'segment', segment: 'empty' } as const;
    expect(matchesOf(await resolveAll(db.connector({}, settings, url), selection))).toEqual([]);
    const revoke = `REVOKE SELECT ON app.segments FROM ${new URL(url).username}`;
    expect(await inspectErrors(db, revoke, settings, url)).toEqual([
      expect.stringMatching(/^segments\.list\.table: SELECT is not granted/),
    ]);
  });

  test('rejects row-level security only when it applies to the role of Lethe', async () => {
    const url = await urlWithLeastGrants(db, SETTINGS);
    const policy =
      'ALTER TABLE app.events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.events USING (note IS NULL)';
    expect(await inspectErrors(db, policy, SETTINGS, url)).toEqual([
      expect.stringMatching(/^kinds\.user\.tables\.0\.table: .*row-level security/),
    ]);
    expect(await inspectErrors(db, '')).toEqual([]);
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
      'UPDATE of a column under sources',
      'REVOKE UPDATE (sku) ON app.order_items',
      /^kinds\.user\.tables\.2\.table: UPDATE of sku is not granted/,
    ],
    [
      'Lethe’s own tables',
      'REVOKE INSERT ON lethe_system.batch',
      /^url: rights on lethe_system are missing \(batch INSERT\)/,
    ],
  ])('rejects a role without %s', async (_name, revoke, expected) => {
    const url = await urlWithLeastGrants(db, SETTINGS);
    expect(await inspectErrors(db, `${revoke} FROM ${new URL(url).username}`, SETTINGS, url)).toEqual([
      expect.stringMatching(expected),
    ]);
  });

  test('rejects a role without UPDATE of the soft-delete column and of columns that a part deletion clears', async () => {
    const url = await urlWithLeastGrants(db, SETTINGS);
    expect(await inspectErrors(db, `REVOKE UPDATE ON app.users FROM ${new URL(url).username}`, SETTINGS, url)).toEqual([
      expect.stringMatching(/^kinds\.user\.table: UPDATE of deleted_at, name is not granted on app\.users/),
    ]);
  });

  test('does not grant a right that no verb needs', async () => {
    const role = new URL(await urlWithLeastGrants(db, SETTINGS)).username;
    const [row] = await db.sql<Record<string, boolean>[]>`
      SELECT has_table_privilege(${role}, 'app.invoices', 'DELETE') AS "deletes retained",
             has_table_privilege(${role}, 'app.events', 'UPDATE') AS "updates events",
             has_column_privilege(${role}, 'app.order_items', 'line', 'UPDATE') AS "updates lines",
             has_table_privilege(${role}, 'app.users', 'INSERT') AS "adds users",
             has_table_privilege(${role}, 'app.offices', 'SELECT') AS "reads the ignored",
             has_table_privilege(${role}, 'lethe_system.secret', 'SELECT') AS "reads the key",
             has_table_privilege(${role}, 'app.events', 'TRUNCATE') AS truncates`;
    expect(Object.entries(row ?? {}).filter(([, granted]) => granted)).toEqual([]);
  });
});

const roles: string[] = [];

/** Returns the URL of a new role that has only the grants of system-sql. */
async function urlWithLeastGrants(db: Fixture, settings: PostgresSettings): Promise<string> {
  const role = `lethe_${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
  await db.sql.unsafe(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  roles.push(role);
  await db.sql.unsafe(systemSql(settings, { system: 'app', role }));
  return Object.assign(new URL(db.url), { username: role, password: 'p' }).href;
}
