import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigError } from '../../../../connectors/connector.ts';
import type { Context } from '../../../../connectors/postgres/context.ts';
import { PostgresError } from '../../../../connectors/postgres/failure.ts';
import { explainFailure } from '../../../../connectors/postgres/inspect/failed-inspection.ts';
import { TUNING } from '../../../../connectors/postgres/tuning.ts';
import { type Fixture, SETTINGS, fixture, withTables, withUser } from '../../fixture.ts';
import { inspectErrors } from '../../inspect-errors.ts';

let db: Fixture;
let role = '';
let url = '';
beforeEach(async () => {
  db = await fixture(1);
  role = `lethe-${new URL(db.url).pathname.slice(1)}`.slice(0, 60);
  await db.sql.unsafe(`CREATE ROLE "${role}" LOGIN PASSWORD 'p'`);
  url = Object.assign(new URL(db.url), { username: role, password: 'p' }).href;
});
afterEach(async () => {
  await db.sql.unsafe(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  await db.close();
});

const inspect = (settings = SETTINGS, own = url, options = {}): Promise<readonly ConfigError[]> =>
  db.connector({}, settings, own).inspect(options);

describe('inspect() before an administrator has run the SQL', () => {
  beforeEach(() => db.sql.unsafe('DROP SCHEMA lethe_system CASCADE'));

  test('reports the schema and all missing rights as one error, whose SQL corrects it', async () => {
    const [error, ...others] = await inspect();
    expect(others).toEqual([]);
    expect(error).toMatchObject({
      path: 'url',
      message: `the schema lethe_system and rights on 11 tables are missing; run as an administrator what npm run -s system-sql -- --role ${role} prints`,
    });
    await db.sql.unsafe(error?.sql ?? '');
    expect(await inspect()).toEqual([]);
  });

  test('reports only the schema when the role has every right', async () => {
    expect(await inspect(SETTINGS, db.url)).toMatchObject([
      { path: 'url', message: /^the schema lethe_system is missing; / },
    ]);
  });

  test('needs neither schema nor rights when the database has only a schema', async () => {
    expect(await inspect(SETTINGS, db.url, { schemaOnly: true })).toEqual([]);
  });
});

describe('inspect() after a change of the data map', () => {
  const settings = withTables({ table: 'app.visits', subject: 'user_id', sources: ['page', 'ip'] });

  test('reports the rights of each new table as one error, whose SQL corrects it', async () => {
    const [missing] = await inspect();
    await db.sql.unsafe(missing?.sql ?? '');
    await db.sql.unsafe(
      'CREATE TABLE app.visits (user_id text, page text, ip inet); CREATE INDEX ON app.visits (user_id)',
    );
    const errors = (await inspect(settings)).filter(({ path }) => path !== 'url');
    expect(errors).toEqual([
      {
        path: 'kinds.user.tables.8.table',
        message: `DELETE, SELECT, UPDATE of ip, page are not granted on app.visits; run as an administrator what npm run -s system-sql -- --role ${role} prints`,
        sql: ['DELETE', 'SELECT', 'UPDATE ("ip", "page")']
          .map((right) => `GRANT ${right} ON "app"."visits" TO "${role}";`)
          .join('\n'),
      },
    ]);
    await db.sql.unsafe(errors[0]?.sql ?? '');
    expect(await inspect(settings)).toEqual([]);
  });
});

describe('rules and inheritance', () => {
  const RULE = 'CREATE RULE keep AS ON DELETE TO app.users DO INSTEAD NOTHING';
  const HEIR = 'CREATE TABLE app.old_users () INHERITS (app.users)';
  const INDEXES = `CREATE INDEX ON app.old_users (user_id); CREATE INDEX ON app.old_users (ext);
    CREATE INDEX ON app.old_users (lower(email), lower(unit))`;

  test('says which key acknowledges them', async () => {
    expect(await inspectErrors(db, `${RULE}; ${HEIR}; ${INDEXES}`)).toEqual([
      expect.stringMatching(
        /^kinds\.user\.table: app\.users .*inherit.*: app\.old_users; .*inheritors: \['app\.old_users'\]/,
      ),
      expect.stringMatching(/^kinds\.user\.table: app\.users has the rule keep.*rules: \['keep'\]/),
    ]);
  });

  test('accepts them when the data map names them, with an index of their own', async () => {
    const settings = withUser({ rules: ['keep'], inheritors: ['app.old_users'] });
    expect(await inspectErrors(db, `${RULE}; ${HEIR}; ${INDEXES}`, settings)).toEqual([]);
  });

  test('rejects names that do not exist', async () => {
    const settings = withUser({ rules: ['kep'], inheritors: ['app.visits'] });
    expect(await inspectErrors(db, RULE, settings)).toEqual([
      expect.stringMatching(/has the rule keep/),
      'kinds.user.rules: app.users has no rule kep on DELETE or UPDATE; did you mean keep?',
      'kinds.user.inheritors: app.visits does not inherit from app.users; remove it',
    ]);
  });
});

describe('a server that cannot be inspected', () => {
  const failureOf = (changed: string): Promise<unknown> =>
    inspect(SETTINGS, changed).then(
      () => null,
      (error: unknown) => error,
    );
  const changedUrl = (changes: Partial<URL>): string => Object.assign(new URL(url), changes).href;

  test.each([
    [{ username: 'stranger' }, 'refused', /does not let the role stranger in; correct APP_DATABASE_URL, or allow/],
    [{ pathname: '/nowhere' }, 'refused', /has no database nowhere; correct APP_DATABASE_URL/],
    [{ port: '1' }, 'unavailable', /^nothing listens at 127\.0\.0\.1:1; start the server, or correct APP_DATABASE_URL/],
    [{ hostname: 'no-such-host.invalid' }, 'unavailable', /host name no-such-host\.invalid cannot be resolved/],
  ])('says what to do when the URL has another part %o, and never the password', async (changes, code, message) => {
    const error = await failureOf(changedUrl(changes));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(JSON.stringify([String(error), error])).not.toMatch(/canary|28P01|ECONNREFUSED/);
  });

  test('says that the password is rejected, and never the password', () => {
    const server = { url: 'postgres://ann%40x:canary@db.test/app', tuning: TUNING };
    const context: Context = { system: 'app', settings: SETTINGS, models: [], server };
    const error = explainFailure(new PostgresError('28P01'), context);
    expect(String(error)).toMatch(
      /server at db\.test:5432 rejects the password of the role ann@x; correct APP_DATABASE_URL/,
    );
    expect(JSON.stringify([String(error), error])).not.toContain('canary');
  });

  test('says what to do when the value is not a URL, and never the value', async () => {
    const error = await failureOf('postgres://user:canary@[bad/app');
    expect(String(error)).toContain('the value of APP_DATABASE_URL is not a URL such as');
    expect(String(error)).not.toContain('canary');
  });
});
