import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemSql } from '../../../../connectors/postgres/index.ts';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import {
  type Fixture,
  SETTINGS,
  SYSTEM,
  batchOf,
  deletion,
  exportAll,
  fixture,
  requestId,
  testContext,
  user,
} from '../../fixture.ts';
import { inspectErrors } from '../../inspect-errors.ts';

const VIEWS = `CREATE MATERIALIZED VIEW app.totals AS SELECT user_id, count(*) AS orders FROM app.orders GROUP BY user_id;
  CREATE VIEW app.names AS SELECT user_id, name FROM app.users; CREATE MATERIALIZED VIEW app.report AS SELECT name FROM app.names;
  CREATE MATERIALIZED VIEW app.top AS SELECT user_id FROM app.totals;
  CREATE MATERIALIZED VIEW app.days AS SELECT day::date FROM generate_series('2026-01-01', '2026-01-03', interval '1 day') day`;
const refreshing = (...refresh: string[]): PostgresSettings => ({
  ...SETTINGS,
  materializedViews: { refresh, report: ['app.report'] },
});
const LISTED = refreshing('app.totals', 'app.top');

let db: Fixture;
beforeEach(async () => {
  db = await fixture(3);
  await db.sql.unsafe(VIEWS);
});
afterEach(() => db.close());

describe('inspect() of materialized views', () => {
  test('names each one over mapped tables, also through other views, and no other', async () => {
    expect(await inspectErrors(db, '')).toEqual([
      expect.stringMatching(/^materializedViews: app\.report is a materialized view over app\.users and keeps copies/),
      expect.stringMatching(/^materializedViews: app\.top is a materialized view over app\.orders and /),
      expect.stringMatching(
        /^materializedViews: app\.totals is a materialized view over app\.orders and .*materializedViews\.refresh/,
      ),
    ]);
  });

  test('accepts those that are refreshed, reported or ignored', async () => {
    expect(await inspectErrors(db, '', LISTED)).toEqual([]);
    const ignore = [...(SETTINGS.ignore ?? []), { table: 'app.report', reason: 'names only' }];
    const { refresh = [] } = LISTED.materializedViews ?? {};
    expect(await inspectErrors(db, '', { ...SETTINGS, materializedViews: { refresh }, ignore })).toEqual([]);
  });

  test('rejects a name that is not a materialized view over a mapped table', async () => {
    expect(await inspectErrors(db, '', refreshing('app.totals', 'app.top', 'app.totls', 'app.days'))).toEqual([
      'materializedViews.refresh.2: app.totls is not a materialized view over a mapped table; did you mean app.totals?',
      'materializedViews.refresh.3: app.days is not a materialized view over a mapped table; remove it',
    ]);
  });

  test('prints the grant when the role may not refresh, which then suffices', async () => {
    const role = `lethe_${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
    await db.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
    try {
      await db.sql.unsafe(systemSql(LISTED, { system: SYSTEM, role }));
      const url = Object.assign(new URL(db.url), { username: role, password: 'p' }).href;
      const errors = await db.connector({}, LISTED, url).inspect();
      expect(errors).toEqual(
        ['totals', 'top'].map((view, index) => ({
          path: `materializedViews.refresh.${index}`,
          message: `the role ${role} may not refresh app.${view}; run as an administrator: GRANT MAINTAIN ON "app"."${view}" TO "${role}";`,
          sql: `GRANT MAINTAIN ON "app"."${view}" TO "${role}";`,
        })),
      );
      for (const { sql = '' } of errors) await db.sql.unsafe(sql);
      expect(await db.connector({}, LISTED, url).inspect()).toEqual([]);
      await deleteFirstUser(url);
      expect(await usersIn('app.top')).toEqual(['u-2', 'u-3']);
    } finally {
      await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

const usersIn = async (view: string): Promise<string[]> =>
  (await db.sql.unsafe<{ user_id: string }[]>(`SELECT user_id FROM ${view} ORDER BY 1`)).map((row) => row.user_id);

async function deleteFirstUser(url = db.url): Promise<void> {
  const connector = db.connector({}, LISTED, url);
  const id = requestId();
  await connector.hardDelete(batchOf([user(1)], { requestId: id }), deletion(), testContext());
  await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
}

describe('conclude() with materialized views', () => {
  test('refreshes those under refresh in their order after a deletion, and no other', async () => {
    await deleteFirstUser();
    expect([await usersIn('app.totals'), await usersIn('app.top')]).toEqual([
      ['u-2', 'u-3'],
      ['u-2', 'u-3'],
    ]);
    const names = await db.sql<{ name: string }[]>`SELECT name FROM app.report ORDER BY 1`;
    expect(names.map(({ name }) => name)).toEqual(['name 1', 'name 2', 'name 3']);
  });

  test('is idempotent and keeps what the request stored until the refresh succeeds', async () => {
    const connector = db.connector({}, LISTED);
    const id = requestId();
    await connector.hardDelete(batchOf([user(1)], { requestId: id }), deletion(), testContext());
    await db.sql.unsafe('ALTER MATERIALIZED VIEW app.top RENAME TO hidden');
    await expect(connector.conclude?.({ requestId: id, kind: 'user' }, testContext())).rejects.toThrow(
      'PostgreSQL: 42P01',
    );
    const [ranges] = await db.sql<{ rows: number }[]>`SELECT count(*)::int AS rows FROM lethe_system.ranges`;
    expect(ranges?.rows).toBe(1);
    await db.sql.unsafe('ALTER MATERIALIZED VIEW app.hidden RENAME TO top');
    await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
    await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
    expect(await usersIn('app.top')).toEqual(['u-2', 'u-3']);
  });

  test('does not refresh after an export', async () => {
    const connector = db.connector({}, LISTED);
    const id = requestId();
    await exportAll(connector, batchOf([user(1)], { requestId: id, batch: 'e1' }));
    await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
    expect(db.statements.filter((text) => text.includes('REFRESH'))).toEqual([]);
  });

  test('continues to answer queries of the view during the refresh when it has a unique index', async () => {
    await db.sql.unsafe('CREATE UNIQUE INDEX ON app.totals (user_id)');
    await deleteFirstUser();
    expect(db.statements.filter((text) => text.includes('REFRESH'))).toEqual([
      'REFRESH MATERIALIZED VIEW CONCURRENTLY "app"."totals"',
      'REFRESH MATERIALIZED VIEW "app"."top"',
    ]);
  });
});
