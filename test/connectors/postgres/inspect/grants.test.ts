import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../../connectors/postgres/data-map/data-map.ts';
import { systemSql } from '../../../../connectors/postgres/index.ts';
import {
  type Fixture,
  SETTINGS,
  batchOf,
  byIdentities,
  deletion,
  exported,
  fixture,
  matchesOf,
  requestId,
  resolved,
  user,
  work,
} from '../../fixture.ts';
import { inspectErrors } from '../../inspecting.ts';

describe('inspect()', () => {
  let db: Fixture;
  beforeEach(async () => {
    db = await fixture(3);
  });
  afterEach(async () => {
    for (const role of roles.splice(0)) await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await db.close();
  });

  test('finds no mistake with the least grants, which suffice for every verb', async () => {
    const url = await least(db, SETTINGS);
    expect(await inspectErrors(db, '', SETTINGS, url)).toEqual([]);
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

  test('refuses row-level security that applies to its role, and accepts it where it does not', async () => {
    const url = await least(db, SETTINGS);
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
      'UPDATE of a column of sources',
      'REVOKE UPDATE (sku) ON app.order_items',
      /^kinds\.user\.tables\.2\.table: UPDATE of sku is not granted/,
    ],
    [
      'Lethe’s own tables',
      'REVOKE INSERT ON lethe_system.batch',
      /^url: rights on lethe_system are missing \(batch INSERT\)/,
    ],
  ])('refuses a role without %s', async (_name, revoke, expected) => {
    const url = await least(db, SETTINGS);
    expect(await inspectErrors(db, `${revoke} FROM ${new URL(url).username}`, SETTINGS, url)).toEqual([
      expect.stringMatching(expected),
    ]);
  });

  test('refuses a role without UPDATE of the flag, or of what a part-deletion empties', async () => {
    const url = await least(db, SETTINGS);
    expect(await inspectErrors(db, `REVOKE UPDATE ON app.users FROM ${new URL(url).username}`, SETTINGS, url)).toEqual([
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
             has_table_privilege(${role}, 'lethe_system.secret', 'SELECT') AS "reads the key",
             has_table_privilege(${role}, 'app.events', 'TRUNCATE') AS truncates`;
    expect(Object.entries(row ?? {}).filter(([, granted]) => granted)).toEqual([]);
  });
});

const roles: string[] = [];

/** A role of its own with what system-sql grants and nothing else; only superusers may be written here otherwise. */
async function least(db: Fixture, settings: PostgresSettings): Promise<string> {
  const role = `lethe_${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
  await db.sql.unsafe(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  roles.push(role);
  await db.sql.unsafe(systemSql(settings, { system: 'app', role }));
  return Object.assign(new URL(db.url), { username: role, password: 'p' }).href;
}
