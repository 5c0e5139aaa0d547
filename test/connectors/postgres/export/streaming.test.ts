import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connector, ConnectorContext, ExportOptions, OwnedRows } from '../../../../connectors/connector.ts';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import {
  type Fixture,
  SETTINGS,
  batchOf,
  exportAll,
  exportVerbOf,
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
const ALL_ROWS: ExportOptions = { scope: 'data', since: null, format: 'ndjson' };
const SMALL = 400;
const LARGE = 100_000;

let db: Fixture;
beforeAll(async () => {
  db = await fixture(SMALL, settings);
  // User n has n more events. One user has many.
  await db.sql.unsafe(`
    INSERT INTO app.events (user_id, note) SELECT 'u-' || n, repeat(md5(n::text), 5) FROM generate_series(1, ${SMALL}) n, generate_series(1, n);
    INSERT INTO app.users (user_id) VALUES ('u-large');
    INSERT INTO app.events (user_id, note) SELECT 'u-large', E'"a"\\n\\\\' || repeat(md5(n::text), 20) FROM generate_series(1, ${LARGE}) n`);
});
afterAll(() => db.close());

const connector = (): Connector => db.connector({ lockTimeoutMs: 600_000, statementTimeoutMs: 600_000 }, settings);
const large = () => batchOf([[{ type: 'user_id', value: ['u-large'] }]]);

/** The number of Lethe's connections to this database. */
async function countConnections(): Promise<number> {
  const [row] = await db.sql<[{ count: number }]>`
    SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lethe'`;
  return row.count;
}
const waitUntilDisconnected = async (): Promise<void> => {
  while ((await countConnections()) > 0) await sleep(20);
};

/** Starts an export and reads the first buffer of the events. */
async function startReading(context: ConnectorContext, options = ALL_ROWS): Promise<AsyncIterator<OwnedRows>> {
  const tables = exportVerbOf(connector())(large(), options, context)[Symbol.asyncIterator]();
  for (let next = await tables.next(); next.done !== true; next = await tables.next()) {
    const rows = next.value.rows[Symbol.asyncIterator]();
    const first = await rows.next();
    if (next.value.table === 'app.events' && first.done !== true) return rows;
    await readToEnd(rows);
  }
  throw new Error('the export has no events');
}

async function readToEnd(rows: AsyncIterator<OwnedRows>): Promise<void> {
  for (let next = await rows.next(); next.done !== true;) next = await rows.next();
}

test(`exports all rows in ${SMALL} exports of different sizes`, async () => {
  for (let n = 1; n <= SMALL; n += 1) {
    const got = await exportAll(connector(), batchOf([user(n)]));
    expect(got.get('app.events')?.figures.rows).toBe(n + 2);
    expect(got.get('app.aliases')?.figures.rows).toBe(1);
  }
  await waitUntilDisconnected();
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
])('yields %s in buffers of complete rows and at least 64 KiB', async (format, parsed) => {
  const sizes: number[] = [];
  let [rows, bytes] = [0, 0];
  for await (const table of exportVerbOf(connector())(large(), { ...ALL_ROWS, format }, testContext())) {
    if (table.table !== 'app.events') continue;
    for await (const block of table.rows) {
      bytes += block.bytes.length;
      // A split row cannot be parsed, or is counted twice.
      rows += parsed(block.bytes.toString()).length;
      if (block.rows > 0) sizes.push(block.bytes.length);
    }
    expect(table.figures()).toEqual({ rows: LARGE, bytes });
  }
  expect(rows).toBe(format === 'csv' ? LARGE + 1 : LARGE);
  expect(sizes.length).toBeGreaterThan(100);
  // The header of CSV is a block of its own, cut from the first buffer.
  for (const size of sizes.slice(1, -1)) expect(size).toBeGreaterThanOrEqual(64 * 1024);
});

test(`does not use more memory while it exports ${LARGE} rows`, async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const usage: number[] = [];
  let bytes = 0;
  for await (const { rows } of exportVerbOf(connector())(large(), ALL_ROWS, testContext()))
    for await (const block of rows) {
      const before = bytes;
      bytes += block.bytes.length;
      if (Math.floor(before / 2_000_000) === Math.floor(bytes / 2_000_000)) continue;
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      usage.push(heapUsed + arrayBuffers);
    }
  expect(bytes).toBeGreaterThan(70_000_000);
  // Memory is freed with a delay, so the minimum of each half is compared. Half of the bytes are 35 MB.
  const half = usage.length / 2;
  expect(Math.min(...usage.slice(half)) - Math.min(...usage.slice(0, half))).toBeLessThan(4_000_000);
});

test('escapes a backslash, a quote and a line end once, as in JSON', async () => {
  const got = await exportAll(connector(), batchOf([[{ type: 'user_id', value: ['u-large'] }]]));
  const [first] = rowsOf(got, 'app.events');
  expect(String(first?.['note']).slice(0, 5)).toBe('"a"\n\\');
});

test('runs statements without identities and parameters, of equal length for any number of subjects', async () => {
  const copyStatements = async (count: number): Promise<string[]> => {
    db.statements.length = 0;
    const subjects = Array.from({ length: count }, (_, index) => user(index + 1));
    await exportAll(connector(), batchOf(subjects, { requestId: `req_${'0'.repeat(30)}${count}` }));
    return db.statements.filter((sql) => sql.startsWith('COPY ('));
  };
  const [few, many] = [await copyStatements(10), await copyStatements(99)];
  expect(few).toHaveLength(3);
  expect(many.map(({ length }) => length)).toEqual(few.map(({ length }) => length));
  for (const sql of [...few, ...many]) {
    expect(sql).not.toContain('u-');
    expect(sql).not.toMatch(/\$\d/);
  }
});

test('ends the COPY when the reader stops between rows', async () => {
  const rows = await startReading(testContext());
  const [copy] = await db.sql<
    { count: number }[]
  >`SELECT count(*)::int FROM pg_stat_progress_copy WHERE datname = current_database()`;
  expect(copy?.count).toBe(1);
  await rows.return?.();
  await waitUntilDisconnected();
  expect((await exportAll(connector(), batchOf([user(1)]))).get('app.events')?.figures.rows).toBe(3);
});

test('ends the transaction when the reader stops between tables', async () => {
  const tables = exportVerbOf(connector())(large(), ALL_ROWS, testContext())[Symbol.asyncIterator]();
  await tables.next();
  expect(await countConnections()).toBe(1);
  await tables.return?.();
  await waitUntilDisconnected();
});

test('throws when the reader requests the next table before the end of the rows', async () => {
  const call = (async () => {
    for await (const table of exportVerbOf(connector())(large(), ALL_ROWS, testContext()))
      await table.rows[Symbol.asyncIterator]().next();
  })();
  await expect(call).rejects.toThrow('the rows of app.users were not read to their end');
  await waitUntilDisconnected();
});

test('throws the reason and disconnects when the export is cancelled between rows', async () => {
  const stop = new AbortController();
  const reason = new Error('the activity was cancelled');
  const rows = await startReading(testContext(stop.signal));
  stop.abort(reason);
  await expect(readToEnd(rows)).rejects.toBe(reason);
  await waitUntilDisconnected();
});

test('ends immediately, also in the server, when the export is cancelled while the server is busy', async () => {
  const application = await db.sql.reserve();
  await application`BEGIN`;
  await application`LOCK TABLE app.events IN ACCESS EXCLUSIVE MODE`;
  const stop = new AbortController();
  const reason = new Error('the activity was cancelled');
  const call = exportAll(connector(), large(), {}, testContext(stop.signal));
  const failed = call.catch((error: unknown) => error);
  const countWaiting = async () =>
    (await application`SELECT FROM pg_locks WHERE NOT granted AND relation = 'app.events'::regclass`).length;
  while ((await countWaiting()) === 0) await sleep(20);
  stop.abort(reason);
  expect(await failed).toBe(reason);
  // The lock is still held, so the backend ended because its client disconnected.
  while ((await countWaiting()) > 0) await sleep(20);
  await application`ROLLBACK`;
  application.release();
});

test('throws a retryable error when the connection is lost between rows', async () => {
  const rows = await startReading(testContext());
  await db.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lethe' AND datname = current_database()`;
  await expect(readToEnd(rows)).rejects.toMatchObject({ name: 'ConnectorError', code: 'unavailable', retryable: true });
});

test('throws an error of the server between rows without its text', async () => {
  await db.sql.unsafe(`
    CREATE TYPE app.secret AS ENUM ('canary');
    CREATE FUNCTION app.to_null(app.secret) RETURNS json LANGUAGE sql AS $$ SELECT 'null'::json $$;
    CREATE FUNCTION app.raise_value(app.secret) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'canary %', $1; END $$;
    CREATE CAST (app.secret AS json) WITH FUNCTION app.to_null(app.secret);
    CREATE CAST (app.secret AS text) WITH FUNCTION app.raise_value(app.secret);
    ALTER TABLE app.users ADD secret app.secret;
    UPDATE app.users SET secret = 'canary' WHERE user_id = 'u-3'`);
  const error: unknown = await exportAll(connector(), batchOf([user(3)])).catch((thrown: unknown) => thrown);
  await db.sql.unsafe('ALTER TABLE app.users DROP secret');
  expect(error).toMatchObject({ name: 'ConnectorError', code: 'refused', message: 'PostgreSQL: P0001' });
  const everything = error instanceof Error ? JSON.stringify([error.stack, error.cause, Object.entries(error)]) : '';
  expect(everything).not.toContain('canary');
  await waitUntilDisconnected();
});

test('sends heartbeats while the reader is slow and waits for a slot per table', async () => {
  let [beats, slots] = [0, 0];
  const context = { ...testContext(), heartbeat: () => void (beats += 1), waitForSlot: async () => void (slots += 1) };
  const rows = await startReading(context);
  const before = beats;
  while (beats === before) await sleep(50);
  expect(slots).toBe(2);
  await rows.return?.();
});
