import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Fixture,
  batchOf,
  byIdentities,
  deletion,
  exportAll,
  fixture,
  resolveAll,
  user,
  testContext,
} from '../fixture.ts';

/** With many users and few subjects, a statement that reads a whole table is visible in the counters. */
const USERS = 5_000;
const SUBJECTS = Array.from({ length: 20 }, (_, index) => user(index + 1));

let db: Fixture;
beforeAll(async () => {
  db = await fixture(USERS);
  // Flushes the counters of the setup before the first test.
  await db.sql`SELECT pg_stat_force_next_flush()`;
});
afterAll(() => db.close());

interface Reads {
  readonly table: string;
  readonly sequential: number;
  readonly rows: number;
}

const readCounters = async (): Promise<Reads[]> => [
  ...(await db.sql<Reads[]>`
    SELECT t.relname AS table, t.seq_scan::int AS sequential, (t.seq_tup_read + sum(i.idx_tup_read))::int AS rows
    FROM pg_stat_all_tables t JOIN pg_stat_all_indexes i USING (relid)
    WHERE t.schemaname = 'app' GROUP BY t.relid, t.relname, t.seq_scan, t.seq_tup_read ORDER BY 1`),
];

/** The rows that a verb reads from each table. The server writes its counters when the connection ends. */
async function readsOf(verb: () => Promise<unknown>): Promise<Reads[]> {
  const before = await countersWithoutConnections();
  await verb();
  const after = await countersWithoutConnections();
  return after.map((each, index) => ({
    table: each.table,
    sequential: each.sequential - (before[index]?.sequential ?? 0),
    rows: each.rows - (before[index]?.rows ?? 0),
  }));
}

async function countersWithoutConnections(): Promise<Reads[]> {
  for (;;) {
    const [row] = await db.sql<[{ others: number }]>`
      SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lethe'`;
    if (row.others === 0) break;
    await sleep(10);
  }
  return readCounters();
}

const connector = () => db.connector();
const verbs: [string, () => Promise<unknown>][] = [
  ['resolve', () => resolveAll(connector(), byIdentities(...SUBJECTS.flat()))],
  ['count', () => connector().count(batchOf(SUBJECTS), 'data', testContext())],
  [
    'setVisibility to hidden',
    async () =>
      connector().setVisibility?.(
        batchOf(SUBJECTS, { batch: 'g1' }),
        { hidden: true, generation: 1, at: new Date() },
        testContext(),
      ),
  ],
  [
    'setVisibility to visible',
    async () =>
      connector().setVisibility?.(
        batchOf(SUBJECTS, { batch: 'g2' }),
        { hidden: false, generation: 2, at: new Date() },
        testContext(),
      ),
  ],
  ['hardDelete', () => connector().hardDelete(batchOf(SUBJECTS), deletion(), testContext())],
  ['export', () => exportAll(connector(), batchOf(SUBJECTS))],
  ['export of categories', () => exportAll(connector(), batchOf(SUBJECTS), { scope: 'categories' })],
  ['export of a window', () => exportAll(connector(), batchOf(SUBJECTS), { since: new Date(0) })],
  [
    'hardDelete of categories',
    () => connector().hardDelete(batchOf(SUBJECTS), deletion({ scope: 'categories' }), testContext()),
  ],
  [
    'hardDelete of sources',
    () => connector().hardDelete(batchOf(SUBJECTS), deletion({ scope: 'sources' }), testContext()),
  ],
  ['verify', () => connector().verify(batchOf(SUBJECTS), 'data', testContext())],
];

test.each(verbs)('%s reads the rows of its subjects by index and does not scan a table', async (_name, verb) => {
  for (const { table, sequential, rows } of await readsOf(verb)) {
    expect(`${table} ${sequential}`).toBe(`${table} 0`);
    expect(rows, `rows read of ${table}`).toBeLessThan(USERS / 5);
  }
});

test('shows a table scan in the counters when everyone is resolved', async () => {
  const verb = () => resolveAll(connector(), { requestId: `req_${'0'.repeat(32)}`, kind: 'user', by: 'everyone' });
  const users = (await readsOf(verb)).find(({ table }) => table === 'users');
  expect(users?.rows ?? 0).toBeGreaterThan(USERS - 100);
});
