import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FinishedRange } from '../../../domain/batch.ts';
import { type Fixture, batchOf, deletion, fixture, addUpRanges, user, testContext } from '../fixture.ts';

const USERS = 25;
/** The receipt of a deletion of the 25 subjects. */
const WHOLE_RECEIPT = {
  'app.events': { removed: 50, retained: 0 },
  'app.orders': { removed: 25, retained: 0 },
  'app.order_items': { removed: 50, retained: 0 },
  'app.newsletter': { removed: 25, retained: 0 },
  'app.invoices': { removed: 0, retained: 25 },
  'app.ratings': { removed: 0, retained: 25 },
  'app.memberships': { removed: 25, retained: 0 },
  'app.segment_members': { removed: 13, retained: 0 },
  'app.aliases': { removed: 25, retained: 0 },
  'app.users': { removed: 25, retained: 0 },
};

let db: Fixture;
beforeEach(async () => {
  db = await fixture(30);
});
afterEach(() => db.close());

const subjects = Array.from({ length: USERS }, (_, index) => user(index + 1));

/** Throws after the commit of the n-th range, as when a worker dies before its report is stored. */
function failAfterRange(n: number, reported: FinishedRange[] = []) {
  const failing = deletion({
    onRangeFinished: async (range) => {
      reported.push(range);
      if (reported.length === n) throw new Error('killed');
    },
  });
  return { failing, reported };
}

/** A chunk that deletes more than `rows` events exceeds the statement timeout. */
const slowDownAbove = (rows: number) =>
  db.sql.unsafe(`
    CREATE OR REPLACE FUNCTION app.slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT count(*) FROM deleted) > ${rows} THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$;
    CREATE OR REPLACE TRIGGER slow AFTER DELETE ON app.events REFERENCING OLD TABLE AS deleted
      FOR EACH STATEMENT EXECUTE FUNCTION app.slow()`);

async function loggedUnits(): Promise<string[]> {
  const rows = await db.sql<{ key: string }[]>`
    SELECT concat_ws(' ', pass, first_seq, last_seq, part) AS key FROM lethe_system.ranges ORDER BY pass, first_seq, last_seq, part`;
  return rows.map(({ key }) => key);
}

test.each([1, 2, 3])('counts every row once when the worker dies between commit %i and its report', async (n) => {
  const batch = batchOf(subjects);
  const { failing } = failAfterRange(n);
  await expect(db.connector().hardDelete(batch, failing, testContext())).rejects.toThrow('killed');
  const again = deletion();
  await db.connector().hardDelete(batch, again, testContext());
  expect(again.ranges.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
    [1, 10],
    [11, 20],
    [21, 25],
  ]);
  expect(addUpRanges(again.ranges)).toEqual(WHOLE_RECEIPT);
  expect(await loggedUnits()).toEqual(['1 1 10 0', '1 11 20 0', '1 21 25 0']);
  expect((await db.state())['users']).toHaveLength(5);
});

test('keeps committed chunks and deletes the others in the next attempt when it is cancelled', async () => {
  const batch = batchOf(subjects);
  const stop = new AbortController();
  const first = deletion({
    onRangeFinished: async () => stop.abort(new Error('cancelled')),
  });
  await expect(db.connector().hardDelete(batch, first, testContext(stop.signal))).rejects.toThrow('cancelled');
  expect((await db.state())['users']).toHaveLength(20);
  const again = deletion();
  await db.connector().hardDelete(batch, again, testContext());
  expect(addUpRanges(again.ranges)).toEqual(WHOLE_RECEIPT);
});

test('does not change rows or log when the connection is lost inside a chunk', async () => {
  const batch = batchOf(subjects);
  await db.sql.unsafe(`
    CREATE FUNCTION app.die() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
    CREATE TRIGGER die AFTER DELETE ON app.users FOR EACH STATEMENT EXECUTE FUNCTION app.die()`);
  const before = await db.state();
  await expect(db.connector().hardDelete(batch, deletion(), testContext())).rejects.toMatchObject({
    code: 'unavailable',
    retryable: true,
  });
  expect(await db.state()).toEqual(before);
  expect(await loggedUnits()).toEqual([]);
  await db.sql.unsafe('DROP TRIGGER die ON app.users');
  const again = deletion();
  await db.connector().hardDelete(batch, again, testContext());
  expect(addUpRanges(again.ranges)).toEqual(WHOLE_RECEIPT);
});

test('halves a chunk that times out and reports its parts as ranges', async () => {
  await slowDownAbove(5);
  const done = deletion();
  await db.connector({ statementTimeoutMs: 300 }).hardDelete(batchOf(subjects.slice(0, 10)), done, testContext());
  expect(done.ranges.map(({ firstSeq, lastSeq, part }) => [firstSeq, lastSeq, part])).toEqual([
    [1, 2, 0],
    [3, 3, 0],
    [4, 5, 0],
    [6, 7, 0],
    [8, 8, 0],
    [9, 10, 0],
  ]);
  expect(addUpRanges(done.ranges)['app.events']).toEqual({ removed: 20, retained: 0 });
  expect(addUpRanges(done.ranges)['app.users']).toEqual({ removed: 10, retained: 0 });
});

test('continues with the same halves in the next attempt, also when it is no longer slow', async () => {
  await slowDownAbove(5);
  const batch = batchOf(subjects);
  const { failing, reported } = failAfterRange(2);
  await expect(db.connector({ statementTimeoutMs: 300 }).hardDelete(batch, failing, testContext())).rejects.toThrow(
    'killed',
  );
  await db.sql.unsafe('DROP TRIGGER slow ON app.events');
  const again = deletion();
  await db.connector().hardDelete(batch, again, testContext());
  expect(again.ranges.slice(0, 2)).toEqual(reported);
  expect(addUpRanges(again.ranges)).toEqual(WHOLE_RECEIPT);
  expect(await loggedUnits()).not.toContain('1 1 10 0');
});

test('counts late rows once when the worker dies in a second pass', async () => {
  const batch = batchOf(subjects);
  const first = deletion();
  await db.connector().hardDelete(batch, first, testContext());
  await db.sql`INSERT INTO app.events (user_id) VALUES ('u-3'), ('a-13'), ('u-23')`;
  const reported: FinishedRange[] = [];
  const second = deletion({
    pass: 2,
    onRangeFinished: async (range) => {
      reported.push(range);
      if (reported.length === 2) throw new Error('killed');
    },
  });
  await expect(db.connector().hardDelete(batch, second, testContext())).rejects.toThrow('killed');
  const again = deletion({ pass: 2 });
  await db.connector().hardDelete(batch, again, testContext());
  const added = addUpRanges(again.ranges);
  expect(added['app.events']).toEqual({ removed: 3, retained: 0 });
  expect(added['app.invoices']).toEqual({ removed: 0, retained: 0 });
  expect(added['app.users']).toEqual({ removed: 0, retained: 0 });
  expect(addUpRanges(first.ranges)).toEqual(WHOLE_RECEIPT);
});

test('deletes a large subject in parts of bounded size', async () => {
  await db.sql`INSERT INTO app.events (user_id) SELECT 'u-1' FROM generate_series(1, 95)`;
  await slowDownAbove(30);
  const before = await db.state({ users: `user_id <> 'u-1'`, events: `user_id NOT IN ('u-1', 'a-1')` });
  const done = deletion();
  const connector = db.connector({ statementTimeoutMs: 300, rowsPerPart: 30 });
  await connector.hardDelete(batchOf([user(1)]), done, testContext());
  const parts = done.ranges.map(({ part, tables }) => [
    part,
    tables.find(({ table }) => table === 'app.events')?.removed ?? 0,
  ]);
  expect(parts).toEqual([
    [1, 30],
    [2, 30],
    [3, 30],
    [4, 7],
    [0, 0],
  ]);
  expect(addUpRanges(done.ranges)).toMatchObject({
    'app.events': { removed: 97, retained: 0 },
    'app.orders': { removed: 1 },
    'app.invoices': { retained: 1 },
    'app.users': { removed: 1 },
  });
  const after = await db.state({ users: `user_id <> 'u-1'`, events: `user_id NOT IN ('u-1', 'a-1')` });
  expect([after['users'], after['events']]).toEqual([before['users'], before['events']]);
});

test('continues with the next part of a large subject when the worker dies between two parts', async () => {
  await db.sql`INSERT INTO app.events (user_id) SELECT 'u-1' FROM generate_series(1, 95)`;
  await slowDownAbove(30);
  const connector = db.connector({ statementTimeoutMs: 300, rowsPerPart: 30 });
  const batch = batchOf([user(1)]);
  const { failing, reported } = failAfterRange(2);
  await expect(connector.hardDelete(batch, failing, testContext())).rejects.toThrow('killed');
  const again = deletion();
  await connector.hardDelete(batch, again, testContext());
  expect(again.ranges.slice(0, 2)).toEqual(reported);
  expect(addUpRanges(again.ranges)['app.events']).toEqual({ removed: 97, retained: 0 });
});

test('does not move the ranges of a running deletion when subjectsPerCommit changes', async () => {
  const batch = batchOf(subjects);
  const { failing } = failAfterRange(1);
  await expect(db.connector().hardDelete(batch, failing, testContext())).rejects.toThrow('killed');
  const faster = { ...db.settings, pace: { share: 1, subjectsPerCommit: 3 } };
  const again = deletion();
  await db.connector({}, faster).hardDelete(batch, again, testContext());
  expect(again.ranges).toHaveLength(3);
  expect(addUpRanges(again.ranges)).toEqual(WHOLE_RECEIPT);
});

test('reports the counts of another attempt when that attempt finished the range', async () => {
  const batch = batchOf(subjects);
  const counts = {
    tables: { 'app.events': { removed: 7, retained: [] } },
    last: [],
    standing: [],
    retained: [],
    anonymised: [],
  };
  const ranges: FinishedRange[] = [];
  const late = deletion({
    onRangeFinished: async (range) => {
      if (ranges.push(range) > 1) return;
      await db.sql`INSERT INTO lethe_system.ranges (system, request_id, batch, pass, first_seq, last_seq, part, counts)
        VALUES ('app', ${batch.requestId}, 'b1', 1, 11, 20, 0, ${db.sql.json(counts)})`;
    },
  });
  await db.connector().hardDelete(batch, late, testContext());
  expect(addUpRanges(ranges.slice(1, 2))).toEqual({ 'app.events': { removed: 7, retained: 0 } });
  expect((await db.state({ users: `user_id IN ('u-11', 'u-20')` }))['users']).toHaveLength(2);
});

test('deletes each range once when two attempts run concurrently', async () => {
  const batch = batchOf(subjects);
  const [first, second] = [deletion(), deletion()];
  await Promise.all([
    db.connector().hardDelete(batch, first, testContext()),
    db.connector().hardDelete(batch, second, testContext()),
  ]);
  expect(addUpRanges(first.ranges)).toEqual(WHOLE_RECEIPT);
  expect(second.ranges).toEqual(first.ranges);
});

test('waits with heartbeats while another hard deletion runs, until it is cancelled', async () => {
  await db.sql.reserve().then(async (holder) => {
    await holder`SELECT pg_advisory_lock(hashtextextended('lethe_system.hard_delete', 0))`;
    const stop = new AbortController();
    let beats = 0;
    const waiting = {
      ...testContext(stop.signal),
      heartbeat: () => (beats += 1) > 2 && stop.abort(new Error('stopped waiting')),
    };
    const before = await db.state();
    await expect(
      db
        .connector()
        .hardDelete(batchOf(subjects), deletion(), { ...waiting, heartbeat: () => void waiting.heartbeat() }),
    ).rejects.toThrow('stopped waiting');
    expect(await db.state()).toEqual(before);
    await holder`SELECT pg_advisory_unlock_all()`;
    holder.release();
  });
});
