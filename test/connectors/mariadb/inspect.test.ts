import { beforeAll, describe, expect, test } from 'vitest';
import type { TableMap } from '../../../connectors/data-map/data-map.ts';
import { mariadb, openMariadb, systemSql } from '../../../connectors/mariadb/index.ts';
import { mariadbUrl } from '../../support/servers/mariadb.ts';
import { batchOf, deletion, testContext } from '../calls.ts';
import { type Fixture, type Map, MAP, SYSTEM, USER, fixture, user, withTables } from './fixture.ts';

const server = await mariadbUrl();

describe.skipIf(server === null)('inspection of MariaDB', () => {
  let db: Fixture;
  const sql = (text: string): Promise<unknown> => db.database.sql.query(text);
  const connectorOf = (map: Map, url = db.database.url) =>
    openMariadb(
      { ...map, url: { env: 'SHOP_URL' }, database: db.database.name },
      { system: SYSTEM, secret: () => url },
    );
  const errorsOf = async (map: Map, options = {}): Promise<string[]> =>
    (await connectorOf(map).inspect(options)).map(
      ({ path, message }) => `${path}: ${message.replaceAll(db.database.name, 'shop')}`,
    );
  const withTable = (table: string, change: Partial<TableMap>): Map => ({
    ...MAP,
    kinds: {
      ...MAP.kinds,
      user: {
        ...USER,
        tables: (USER.tables ?? []).map((each) => (each.table === table ? ({ ...each, ...change } as TableMap) : each)),
      },
    },
  });

  beforeAll(async () => {
    db = await fixture(server ?? '', 5);
  });

  test('accepts a complete map of MariaDB, and deletes with the rights that the SQL for administrators grants', async () => {
    expect(await errorsOf(MAP, { thorough: true })).toEqual([]);
    const account = `u${db.database.name.slice(-8)}`;
    await sql(`CREATE USER '${account}'@'%' IDENTIFIED BY 'pass word'`);
    const url = db.database.url.replace('root@', `${account}:pass%20word@`);
    try {
      const errors = await connectorOf(MAP, url)
        .inspect()
        .catch((error: unknown) => String(error));
      expect(errors).toMatch(/has no database .*, or the user has no right on it/);
      await sql(systemSql(db.settings, { system: SYSTEM, role: account }));
      expect(await connectorOf(MAP, url).inspect()).toEqual([]);
      await sql(
        'CREATE TABLE unmapped (id INT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin, FOREIGN KEY (user_id) REFERENCES users (user_id))',
      );
      const unmapped = (await connectorOf(MAP, url).inspect()).map(({ message }) => message).join();
      expect(unmapped).toContain(`${db.database.name}.unmapped references`);
      await sql('DROP TABLE unmapped');
      const done = deletion();
      const limited = db.connector({}, url);
      await limited.setVisibility(
        batchOf([user(1)], { batch: 'g1' }),
        { hidden: true, generation: 1, at: new Date() },
        testContext(),
      );
      expect(await limited.hardDelete(batchOf([user(1)]), { ...done, suppress: true }, testContext())).toEqual({
        done: true,
      });
      expect(await limited.verify(batchOf([user(1)]), 'data', testContext())).toMatchObject({ survivors: 0 });
      await sql(`REVOKE DELETE ON ${db.database.name}.events FROM '${account}'@'%'`);
      const [missing] = await connectorOf(MAP, url).inspect();
      expect(missing?.message).toContain('lacks DELETE on');
    } finally {
      await sql(`DROP USER '${account}'@'%'`);
    }
  });

  test('names a table of MariaDB that does not exist, has no transactions, or does not tell its rows apart', async () => {
    await sql(`CREATE TABLE notes (user_id VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY) ENGINE = MyISAM;
      CREATE TABLE clicks (user_id VARCHAR(40) COLLATE utf8mb4_bin, KEY (user_id));
      CREATE VIEW orders_view AS SELECT * FROM orders`);
    const map = withTables(
      { table: 'event', subject: 'user_id' },
      { table: 'notes', subject: 'user_id' },
      { table: 'clicks', subject: 'user_id' },
      { table: 'orders_view', subject: 'user_id' },
    );
    const found = (await errorsOf(map)).join('\n');
    expect(found).toContain(
      'tables.8.table: shop.event does not exist, or the account has no right on it; did you mean shop.events?',
    );
    expect(found).toContain('tables.9.table: shop.notes uses MyISAM, which has no transactions');
    expect(found).toContain('tables.10.table: shop.clicks has no primary key');
    expect(found).toContain('tables.11.table: shop.orders_view is a view');
    await sql('DROP TABLE notes, clicks; DROP VIEW orders_view');
  });

  test('names a column of MariaDB whose collation compares otherwise than the map declares', async () => {
    const identities = { email: { columns: ['email', 'unit'] }, ext: { column: 'ext' } };
    const found = (
      await errorsOf({ kinds: { user: { ...USER, identities, key: { column: 'user_id', match: 'caseInsensitive' } } } })
    ).join('\n');
    expect(found).toContain(
      "kinds.user.key: user_id has the collation utf8mb4_bin, in which case counts; remove match: 'caseInsensitive'",
    );
    expect(found).toContain(
      "kinds.user.identities.email: email has the collation utf8mb4_general_ci, in which case does not count; set match: 'caseInsensitive'",
    );
    expect(found).toContain("kinds.user.identities.ext: ext is binary(16); set match: 'uuid'");
  });

  test('names columns of MariaDB that do not exist or cannot hold what the map writes', async () => {
    const retained = (await errorsOf(withTable('ratings', { retain: { basis: 'x', blank: ['rating_id'] } }))).join(
      '\n',
    );
    expect(retained).toContain('rating_id is NOT NULL, so it cannot be blanked');
    const short = (await errorsOf(withTable('invoices', { retain: { basis: 'x', unlink: 'pseudonym' } }))).join('\n');
    expect(short).toMatch(/a foreign key cannot hold a pseudonym/);
    const unknown = (await errorsOf(withTable('events', { time: 'att' }))).join('\n');
    expect(unknown).toContain('kinds.user.tables.0.time: shop.events has no column att; did you mean at?');
  });

  test('names foreign keys, personal tables and look-ups of MariaDB that the map does not cover, with a statement', async () => {
    await sql(`CREATE TABLE letters (id INT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin, FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE CASCADE);
      CREATE TABLE visits (id INT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin)`);
    const found = (await errorsOf(MAP)).join('\n');
    expect(found).toContain('shop.letters references shop.users by user_id ON DELETE CASCADE');
    expect(found).toContain('the database would delete such rows without a count');
    expect(found).not.toContain('onDelete: [');
    expect(found).toContain('shop.visits has the column user_id');
    const map = withTables({ table: 'letters', subject: 'user_id' }, { table: 'visits', subject: 'user_id' });
    expect(await errorsOf(map)).toEqual([]);
    const [missing] = await connectorOf(map).inspect({ schemaOnly: true });
    expect(missing?.sql).toContain('.`visits` ADD INDEX (`user_id`)');
    await sql(missing?.sql ?? '');
    expect(await connectorOf(map).inspect({ schemaOnly: true })).toEqual([]);
    await sql('DROP TABLE letters, visits');
  });

  test('names rows of MariaDB that refer to each other without NULL, and accepts a circle with NULL', async () => {
    await sql(`CREATE TABLE a (id INT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL, b_id INT NOT NULL, KEY (user_id));
      CREATE TABLE b (id INT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL, a_id INT NOT NULL, KEY (user_id), FOREIGN KEY (a_id) REFERENCES a (id));
      ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id)`);
    const map = withTables({ table: 'a', subject: 'user_id' }, { table: 'b', subject: 'user_id' });
    const isCircle = (errors: readonly string[]): boolean =>
      errors.join().includes('refer to each other by columns that are NOT NULL');
    expect(isCircle(await errorsOf(map))).toBe(true);
    await sql('ALTER TABLE b MODIFY a_id INT NULL');
    expect(isCircle(await errorsOf(map))).toBe(false);
    await sql('ALTER TABLE a DROP FOREIGN KEY a_ibfk_1; DROP TABLE b, a');
  });

  test('rejects keys of the data map that MariaDB cannot fulfill, each with its path', () => {
    const user = {
      ...USER,
      onDelete: [{ table: 'letters', constraint: 'x' }],
      rules: ['r'],
      tables: [
        { table: 'tags', subject: { contains: 'user_ids', match: 'key' as const } },
        { table: 'events', subject: 'user_id', inheritors: ['old'] },
      ],
    };
    const pathsOf = (database: string) => mariadb({ kinds: { user }, url: { env: 'X' }, database }).validate();
    expect([...pathsOf('shop'), ...pathsOf('sho.p')].map(({ path }) => path)).toEqual([
      'kinds.user.rules',
      'kinds.user.onDelete',
      'kinds.user.tables.0.subject.contains',
      'kinds.user.tables.1.inheritors',
      'database',
    ]);
  });

  test('says what to correct when MariaDB does not let Lethe in, without the password', async () => {
    const reasonOf = (url: string): Promise<unknown> =>
      connectorOf(MAP, url)
        .inspect()
        .then(
          () => '',
          (error: unknown) => error,
        );
    const wrong = await reasonOf(db.database.url.replace('root@', 'stranger:canary-secret@'));
    expect(wrong).toMatchObject({ code: 'refused', retryable: false });
    expect(String(wrong)).toContain('rejects the user stranger');
    expect(String(wrong)).not.toContain('canary-secret');
    expect(await reasonOf('mysql://root@127.0.0.1:1/x')).toMatchObject({ code: 'refused' });
    expect(await reasonOf(`mysql://root@127.0.0.1:1/${db.database.name}`)).toMatchObject({
      code: 'unavailable',
      retryable: true,
    });
    expect(await reasonOf('not a URL')).toMatchObject({ code: 'refused', retryable: false });
    const encrypted = openMariadb(
      { ...MAP, url: { env: 'SHOP_URL' }, database: db.database.name, tls: {} },
      { system: SYSTEM, secret: () => db.database.url },
    );
    await expect(encrypted.inspect()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('cannot be encrypted') as string,
    });
  });
});
