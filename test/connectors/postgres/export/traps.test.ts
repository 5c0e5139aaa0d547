import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connector, ConnectorContext, ExportOptions } from '../../../../connectors/connector.ts';
import type { PostgresSettings } from '../../../../connectors/postgres/data-map/data-map.ts';
import {
  type Fixture,
  SETTINGS,
  batchOf,
  exportAll,
  exporting,
  fixture,
  rowsOf,
  user,
  testContext,
} from '../../fixture.ts';

const { user: map } = SETTINGS.kinds;
const settings: PostgresSettings = {
  ...SETTINGS,
  kinds: {
    user: { ...map, table: 'app.users', key: 'user_id', tables: [{ table: 'app.events', subject: 'user_id' }] },
  },
};
const ALL: ExportOptions = { scope: 'data', since: null, format: 'ndjson' };
const SMALL = 400;
const LARGE = 100_000;

let db: Fixture;
beforeAll(async () => {
  db = await fixture(SMALL, settings);
  // The user n has n events more; one user has many.
  await db.sql.unsafe(`
    INSERT INTO app.events (user_id, note) SELECT 'u-' || n, repeat(md5(n::text), 5) FROM generate_series(1, ${SMALL}) n, generate_series(1, n);
    INSERT INTO app.users (user_id) VALUES ('u-large');
    INSERT INTO app.events (user_id, note) SELECT 'u-large', E'"a"\\n\\\\' || repeat(md5(n::text), 20) FROM generate_series(1, ${LARGE}) n`);
});
afterAll(() => db.close());

const connector = (): Connector => db.connector({ lockTimeoutMs: 600_000, statementTimeoutMs: 600_000 }, settings);
const large = () => batchOf([[{ type: 'user_id', value: ['u-large'] }]]);

/** Backends of Lethe's in this database, whatever they do. */
async function backends(): Promise<number> {
  const [row] = await db.sql<[{ count: number }]>`
    SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lethe'`;
  return row.count;
}
const untilNobodyIsLeft = async (): Promise<void> => {
  while ((await backends()) > 0) await sleep(20);
};

/** An export that is amid the rows of the events, of which a first piece was read. */
async function reading(context: ConnectorContext, options = ALL): Promise<AsyncIterator<Buffer>> {
  const tables = exporting(connector())(large(), options, context)[Symbol.asyncIterator]();
  for (let next = await tables.next(); next.done !== true; next = await tables.next()) {
    const rows = next.value.rows[Symbol.asyncIterator]();
    const first = await rows.next();
    if (next.value.table === 'app.events' && first.done !== true) return rows;
    await toTheEnd(rows);
  }
  throw new Error('there are no events');
}

async function toTheEnd(rows: AsyncIterator<Buffer>): Promise<void> {
  for (let next = await rows.next(); next.done !== true;) next = await rows.next();
}

test(`${SMALL} exports of as many sizes, one after the other, all end and have all rows`, async () => {
  for (let n = 1; n <= SMALL; n += 1) {
    const got = await exportAll(connector(), batchOf([user(n)]));
    expect(got.get('app.events')?.figures.rows).toBe(n + 2);
    expect(got.get('app.aliases')?.figures.rows).toBe(1);
  }
  await untilNobodyIsLeft();
});

test.each<[ExportOptions['format'], (text: string) => unknown[]]>([
  [
    'ndjson',
    (text) =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line): unknown => JSON.parse(line)),
  ],
  ['csv', (text) => parse(text)],
])('%s is handed over in whole rows, at least 64 KiB at once', async (format, parsed) => {
  const sizes: number[] = [];
  let rows = 0;
  for await (const table of exporting(connector())(large(), { ...ALL, format }, testContext())) {
    if (table.table !== 'app.events') continue;
    for await (const piece of table.rows) {
      sizes.push(piece.length);
      // What is torn somewhere cannot be parsed, or is counted as two.
      rows += parsed(piece.toString()).length;
    }
    expect(table.figures()).toEqual({ rows: LARGE, bytes: sizes.reduce((sum, size) => sum + size, 0) });
  }
  expect(rows).toBe(format === 'csv' ? LARGE + 1 : LARGE);
  expect(sizes.length).toBeGreaterThan(100);
  for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThanOrEqual(64 * 1024);
});

test(`memory does not grow with ${LARGE} rows`, async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held: number[] = [];
  let bytes = 0;
  for await (const { rows } of exporting(connector())(large(), ALL, testContext()))
    for await (const piece of rows) {
      const before = bytes;
      bytes += piece.length;
      if (Math.floor(before / 2_000_000) === Math.floor(bytes / 2_000_000)) continue;
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      held.push(heapUsed + arrayBuffers);
    }
  expect(bytes).toBeGreaterThan(70_000_000);
  // What is collected is swept a little later: the least of each half is what is held. Half of the bytes are 35 MB.
  const half = held.length / 2;
  expect(Math.min(...held.slice(half)) - Math.min(...held.slice(0, half))).toBeLessThan(4_000_000);
});

test('a backslash, a quote and a line end come as JSON has them, not doubled', async () => {
  const got = await exportAll(connector(), batchOf([[{ type: 'user_id', value: ['u-large'] }]]));
  const [first] = rowsOf(got, 'app.events');
  expect(String(first?.['note']).slice(0, 5)).toBe('"a"\n\\');
});

test('statements hold no identity and no parameter, and are as long for many subjects as for one', async () => {
  const lengths = async (count: number): Promise<string[]> => {
    db.statements.length = 0;
    const subjects = Array.from({ length: count }, (_, index) => user(index + 1));
    await exportAll(connector(), batchOf(subjects, { requestId: `req_${'0'.repeat(30)}${count}` }));
    return db.statements.filter((sql) => sql.startsWith('COPY ('));
  };
  const [few, many] = [await lengths(10), await lengths(99)];
  expect(few).toHaveLength(3);
  expect(many.map(({ length }) => length)).toEqual(few.map(({ length }) => length));
  for (const sql of [...few, ...many]) {
    expect(sql).not.toContain('u-');
    expect(sql).not.toMatch(/\$\d/);
  }
});

test('a reader that goes away amid the rows leaves no backend in COPY', async () => {
  const rows = await reading(testContext());
  const [copy] = await db.sql<
    { count: number }[]
  >`SELECT count(*)::int FROM pg_stat_progress_copy WHERE datname = current_database()`;
  expect(copy?.count).toBe(1);
  await rows.return?.();
  await untilNobodyIsLeft();
  expect((await exportAll(connector(), batchOf([user(1)]))).get('app.events')?.figures.rows).toBe(3);
});

test('a reader that leaves amid the tables leaves no backend in a transaction', async () => {
  const tables = exporting(connector())(large(), ALL, testContext())[Symbol.asyncIterator]();
  await tables.next();
  expect(await backends()).toBe(1);
  await tables.return?.();
  await untilNobodyIsLeft();
});

test('a reader that asks for the next table amid the rows of one is told, and leaves no backend', async () => {
  const call = (async () => {
    for await (const table of exporting(connector())(large(), ALL, testContext()))
      await table.rows[Symbol.asyncIterator]().next();
  })();
  await expect(call).rejects.toThrow('app.users was not read to its end');
  await untilNobodyIsLeft();
});

test('an export that is cancelled amid the rows ends with the caller’s reason, and leaves no backend', async () => {
  const stop = new AbortController();
  const reason = new Error('the activity was cancelled');
  const rows = await reading(testContext(stop.signal));
  stop.abort(reason);
  await expect(toTheEnd(rows)).rejects.toBe(reason);
  await untilNobodyIsLeft();
});

test('an export that is cancelled while the server is busy ends at once, and the server with it', async () => {
  const application = await db.sql.reserve();
  await application`BEGIN`;
  await application`LOCK TABLE app.events IN ACCESS EXCLUSIVE MODE`;
  const stop = new AbortController();
  const reason = new Error('the activity was cancelled');
  const call = exportAll(connector(), large(), {}, testContext(stop.signal));
  const failed = call.catch((error: unknown) => error);
  const waits = async () =>
    (await application`SELECT FROM pg_locks WHERE NOT granted AND relation = 'app.events'::regclass`).length;
  while ((await waits()) === 0) await sleep(20);
  stop.abort(reason);
  expect(await failed).toBe(reason);
  // The lock is still held: the backend left because nobody was listening.
  while ((await waits()) > 0) await sleep(20);
  await application`ROLLBACK`;
  application.release();
});

test('a connection that is lost amid the rows is worth another try, and never the end of the rows', async () => {
  const rows = await reading(testContext());
  await db.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lethe' AND datname = current_database()`;
  await expect(toTheEnd(rows)).rejects.toMatchObject({ name: 'ConnectorError', code: 'unavailable', retryable: true });
});

test('an error of the server amid the rows is told without a word of what it said', async () => {
  await db.sql.unsafe(`
    CREATE TYPE app.secret AS ENUM ('canary');
    CREATE FUNCTION app.hush(app.secret) RETURNS json LANGUAGE sql AS $$ SELECT 'null'::json $$;
    CREATE FUNCTION app.tell(app.secret) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'canary %', $1; END $$;
    CREATE CAST (app.secret AS json) WITH FUNCTION app.hush(app.secret);
    CREATE CAST (app.secret AS text) WITH FUNCTION app.tell(app.secret);
    ALTER TABLE app.users ADD secret app.secret;
    UPDATE app.users SET secret = 'canary' WHERE user_id = 'u-3'`);
  const error: unknown = await exportAll(connector(), batchOf([user(3)])).catch((thrown: unknown) => thrown);
  await db.sql.unsafe('ALTER TABLE app.users DROP secret');
  expect(error).toMatchObject({ name: 'ConnectorError', code: 'refused', message: 'PostgreSQL: P0001' });
  const everything = error instanceof Error ? JSON.stringify([error.stack, error.cause, Object.entries(error)]) : '';
  expect(everything).not.toContain('canary');
  await untilNobodyIsLeft();
});

test('a slow reader is alive, and holds a slot for each table', async () => {
  let [beats, slots] = [0, 0];
  const context = { ...testContext(), heartbeat: () => void (beats += 1), slot: async () => void (slots += 1) };
  const rows = await reading(context);
  const before = beats;
  while (beats === before) await sleep(50);
  expect(slots).toBe(2);
  await rows.return?.();
});
