import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { createConnection } from 'mysql2/promise';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { startMariadb } from '../../../dev/embedded/mariadb/mariadb.ts';
import { mariadbUrl } from '../../support/servers/mariadb.ts';
import { sized } from '../../support/size.ts';
import { addUpRanges, batchOf, deletion, testContext } from '../calls.ts';
import { type Fixture, createFixture } from './fixture.ts';

const server = await mariadbUrl();

const PEOPLE = 120;
const NUMBERS = `(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${PEOPLE}) SELECT n FROM s) AS s`;
const SCHEMA = `
  CREATE TABLE person (id INT PRIMARY KEY, boss INT, FOREIGN KEY (boss) REFERENCES person (id));
  CREATE TABLE note (id INT AUTO_INCREMENT PRIMARY KEY, person INT NOT NULL, parent INT, FOREIGN KEY (person) REFERENCES person (id), FOREIGN KEY (parent) REFERENCES note (id));
  CREATE TABLE bill (id INT AUTO_INCREMENT PRIMARY KEY, person INT, FOREIGN KEY (person) REFERENCES person (id));
  INSERT INTO person SELECT n, NULL FROM ${NUMBERS};
  INSERT INTO note (person) SELECT n FROM ${NUMBERS};
  INSERT INTO note (person, parent) SELECT person, id FROM note;
  INSERT INTO bill (person) SELECT n FROM ${NUMBERS}`;

const MAP: KindMap = {
  table: 'person',
  key: { column: 'id', match: 'integer' },
  tables: [
    { table: 'person', subject: { column: 'boss', match: 'key' }, detach: { boss: null } },
    { table: 'note', subject: { column: 'person', match: 'key' } },
    { table: 'note', via: { table: 'note', on: { parent: 'id' } }, export: false },
    { table: 'bill', subject: { column: 'person', match: 'key' }, retain: { basis: 'tax law', unlink: 'null' } },
  ],
};

const person = (id: number) => [{ type: 'id', value: [String(id)] }];

/** Loses the connection after the server has done the work of a number of calls, without their last answer. */
async function losingProxy(port: number) {
  let [calls, limit] = [0, Infinity];
  const proxy = createServer((client: Socket) => {
    const upstream = connect(port, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client
      .on('error', end)
      .on('close', end)
      .on('data', (data) => {
        calls += 1;
        upstream.write(data);
      });
    upstream
      .on('error', end)
      .on('close', end)
      .on('data', (data) => {
        if (calls >= limit) end();
        else client.write(data);
      });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    loseAfter: (count: number) => ([calls, limit] = [0, count]),
    wasLost: () => calls >= limit,
    close: () => proxy.close(),
  };
}

describe.skipIf(server === null)('deletion in MariaDB', () => {
  let db: Fixture;
  const sql = (text: string): Promise<unknown> => db.database.sql.query(text);
  const rows = async (text: string) =>
    (await db.database.rows(text)).map((row) => Object.values(row).map(String).join(' '));
  const figuresOf = (done: ReturnType<typeof deletion>): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(addUpRanges(done.ranges)).map(([table, each]) => [table.replace(/^.*\./, ''), each] as const),
    );
  const WHOLE = {
    person: { removed: 1, retained: 0 },
    note: { removed: 2, retained: 0 },
    bill: { removed: 0, retained: 1 },
  };

  beforeAll(async () => {
    db = await createFixture(server ?? '', { pace: { share: 1, subjectsPerCommit: 10 }, kinds: { user: MAP } }, SCHEMA);
  });
  afterEach(() => sql('DROP TRIGGER IF EXISTS refuse; DROP TABLE IF EXISTS blocker'));

  test('deletes once and reports each range once when the connection to MariaDB is lost after any of its calls', async () => {
    expect(await db.connector().inspect()).toEqual([]);
    const proxy = await losingProxy(Number(new URL(server ?? '').port));
    const url = db.database.url.replace(/:\d+\//, `:${proxy.port}/`);
    let call = 1;
    let id = 20;
    for (; call < 200; call += sized(3, 1), id += 1) {
      const others = (await rows('SELECT id FROM person ORDER BY id')).filter((each) => each !== String(id));
      const batch = batchOf([person(id)]);
      const done = deletion();
      proxy.loseAfter(call);
      const isDone = await db
        .connector({ retries: 0 }, url)
        .hardDelete(batch, done, testContext())
        .then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'unavailable', retryable: true });
            return false;
          },
        );
      proxy.loseAfter(Infinity);
      if (!isDone) await db.connector({}, url).hardDelete(batch, done, testContext());
      expect([call, figuresOf(done)]).toEqual([call, WHOLE]);
      expect(done.ranges).toHaveLength(1);
      expect(await db.connector().verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
      expect(await rows('SELECT id FROM person ORDER BY id')).toEqual(others);
      if (isDone) break;
    }
    proxy.close();
    expect(call).toBeGreaterThan(30);
    expect(call).toBeLessThan(200);
  });

  test('blocks only the subject whose rows others refer to in MariaDB, with the name of the constraint', async () => {
    await sql(
      'CREATE TABLE blocker (id INT PRIMARY KEY, person INT, CONSTRAINT keeps FOREIGN KEY (person) REFERENCES person (id)); INSERT INTO blocker VALUES (1, 3)',
    );
    const batch = batchOf([1, 2, 3, 4].map(person));
    const done = deletion();
    const ended = await db.connector({ retries: 0 }).hardDelete(batch, done, testContext());
    expect(ended).toEqual({
      done: true,
      blocked: [{ seq: 3, table: `${db.database.name}.blocker`, constraint: 'keeps' }],
    });
    expect(await rows('SELECT id FROM person WHERE id <= 4')).toEqual(['3']);
    expect(await rows('SELECT COUNT(*) FROM note WHERE person = 3')).toEqual(['2']);
    expect(await db.connector().verify(batch, 'data', testContext())).toMatchObject({ survivors: 5 });
    await sql('DELETE FROM blocker');
    expect(await db.connector().hardDelete(batch, deletion(), testContext())).toEqual({ done: true });
    expect(await rows('SELECT id FROM person WHERE id <= 4')).toEqual([]);
  });

  test('passes on no text of a trigger in MariaDB that refuses a deletion', async () => {
    await sql(`CREATE TRIGGER refuse BEFORE DELETE ON bill FOR EACH ROW SET @x = 1;
      DROP TRIGGER refuse; CREATE TRIGGER refuse BEFORE DELETE ON person FOR EACH ROW
      IF OLD.id = 6 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'canary fails (\`a\`.\`canary\`, CONSTRAINT \`canary\` FOREIGN KEY'; END IF`);
    const ended = await db.connector({ retries: 0 }).hardDelete(batchOf([5, 6].map(person)), deletion(), testContext());
    expect(ended).toEqual({ done: true, blocked: [{ seq: 2, table: null, constraint: null }] });
    expect(await rows('SELECT id FROM person WHERE id IN (5, 6)')).toEqual(['6']);
  });

  test('deletes the others and can be repeated while another transaction locks a subject in MariaDB', async () => {
    const other = await createConnection({ uri: db.database.url });
    await other.query('START TRANSACTION');
    await other.query('SELECT * FROM person WHERE id = 8 FOR UPDATE');
    const batch = batchOf([8, 9].map(person));
    const call = db.connector({ retries: 0, lockTimeoutMs: 1_000 }).hardDelete(batch, deletion(), testContext());
    await expect(call).rejects.toMatchObject({ code: 'timeout', retryable: true });
    expect(await rows('SELECT id FROM person WHERE id IN (8, 9)')).toEqual(['8']);
    await other.end();
    expect(await db.connector().hardDelete(batch, deletion(), testContext())).toEqual({ done: true });
    expect(await rows('SELECT id FROM person WHERE id IN (8, 9)')).toEqual([]);
  });

  test('deletes a subject of MariaDB that is too large for one statement in parts, with figures of all of them', async () => {
    const map = { ...MAP, tables: (MAP.tables ?? []).filter(({ via }) => via === undefined) };
    const flat = await createFixture(
      server ?? '',
      { pace: { share: 1 }, kinds: { user: map } },
      SCHEMA.replace(', FOREIGN KEY (parent) REFERENCES note (id)', ''),
    );
    await flat.database.sql.query(`INSERT INTO note (person) SELECT 10 FROM ${NUMBERS};
      CREATE TRIGGER slow BEFORE DELETE ON note FOR EACH ROW DO SLEEP(IF(OLD.person = 10, 0.02, 0))`);
    const done = deletion();
    const batch = batchOf([10, 11].map(person));
    await flat
      .connector({ statementTimeoutMs: 600, rowsPerPart: 20, retries: 0 })
      .hardDelete(batch, done, testContext());
    expect(Math.max(...done.ranges.map(({ part }) => part))).toBeGreaterThan(3);
    expect(figuresOf(done)).toEqual({
      person: { removed: 2, retained: 0 },
      note: { removed: 4 + PEOPLE, retained: 0 },
      bill: { removed: 0, retained: 2 },
    });
    const again = deletion();
    await flat.connector().hardDelete(batch, again, testContext());
    expect(figuresOf(again)).toEqual(figuresOf(done));
    expect(await flat.connector().verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
  });

  test('deletes a subject of MariaDB before the statement ends that another worker began for the same range', async () => {
    const batch = batchOf([12, 13].map(person));
    const [one, two] = [deletion(), deletion()];
    await Promise.all([one, two].map((done) => db.connector().hardDelete(batch, done, testContext())));
    expect(figuresOf(one)).toEqual(figuresOf(two));
    expect(one.ranges).toEqual(two.ranges);
    expect(figuresOf(one)['person']).toEqual({ removed: 2, retained: 0 });
  });

  test('treats MariaDB that is read-only as a replica, whose rows prove nothing', async () => {
    // A setting of the whole server, which other tests use at the same time.
    const own = await startMariadb();
    try {
      const replica = await createFixture(own.url, { kinds: { user: MAP } }, SCHEMA);
      const connector = replica.connector();
      const batch = batchOf([person(1)]);
      await replica.database.sql.query('SET GLOBAL read_only = 1');
      await expect(connector.probe()).rejects.toMatchObject({ code: 'unavailable', retryable: true });
      expect(await connector.verify(batch, 'data', testContext())).toEqual({ unknown: 'standby' });
      await expect(connector.hardDelete(batch, deletion(), testContext())).rejects.toMatchObject({
        code: 'unavailable',
      });
      expect((await connector.inspect()).map(({ message }) => message).join()).toContain('read-only');
      await replica.database.sql.query('SET GLOBAL read_only = 0');
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 5 });
    } finally {
      await own.stop();
    }
  });
});
