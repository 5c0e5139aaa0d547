import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Queries } from '../../../db/client.ts';
import { type HoldFilter, listHolds } from '../../../db/holds/list.ts';
import { listSuppressions, type SuppressionFilter } from '../../../db/suppressions/list.ts';
import { transaction } from '../../../db/transaction.ts';
import { accept, type Ledger, ledger, PROJECT, START, user } from '../../support/ledger.ts';

let world: Ledger;
/** A deletion with few suppressions, and one with none. */
let rare: string;
let none: string;
beforeAll(async () => {
  world = await ledger();
  [rare, none] = [await accept(world, [user('rare')]), await accept(world, [user('none')])];
  await world.sql`
    INSERT INTO lethe.holds (id, project, kind, case_ref, held_by, identities, placed_at, placed_by, released_at)
    SELECT 'hold_' || md5(n::text), ${PROJECT}, CASE WHEN n % 4000 = 1 THEN 'company' ELSE 'user' END,
      CASE WHEN n % 4000 = 2 THEN 'rare' ELSE 'C-' || n % 7 END, 'counsel', 1, ${START}, 'mem_1',
      CASE WHEN n % 4000 <> 3 THEN ${START}::timestamptz END
    FROM generate_series(1, 100000) n`;
  await world.sql`
    INSERT INTO lethe.suppressions (id, project, kind, request_id, identities, since, lifted_at, dispatch_at)
    SELECT 'sup_' || md5(n::text), ${PROJECT}, CASE WHEN n % 4000 = 1 THEN 'company' ELSE 'user' END,
      CASE WHEN n % 4000 = 2 THEN ${rare} END, 1, ${START}, CASE WHEN n % 4000 = 3 THEN ${START}::timestamptz END, NULL
    FROM generate_series(1, 100000) n`;
  await world.sql`ANALYZE lethe.holds, lethe.suppressions`;
}, 60_000);
afterAll(() => world.closeLedger());

/** The number of items that `list` returns, and whether it reads few rows of the table with a generic plan. */
const readsOf = (table: string, list: (queries: Queries) => Promise<readonly unknown[]>) =>
  transaction(world.database, async (tx) => {
    await tx.$client`SET LOCAL plan_cache_mode = force_generic_plan`;
    await tx.$client`SET LOCAL max_parallel_workers_per_gather = 0`;
    const countRows = async () => {
      const [counted] = await tx.$client<{ rows: number }[]>`
        SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables WHERE relid = ${table}::regclass`;
      return counted?.rows ?? Number.NaN;
    };
    const before = await countRows();
    const { length } = await list(tx);
    return { found: length, few: (await countRows()) - before < 1_000 };
  });
/** The page after the newest ID. */
const page = { project: PROJECT, after: 'z', limit: 101 };

const HOLDS: readonly (HoldFilter & { readonly found: number })[] = [
  { found: 101 },
  { state: 'active', found: 25 },
  { state: 'released', found: 101 },
  { kind: 'company', found: 25 },
  { kind: 'company', state: 'active', found: 0 },
  { caseRef: 'rare', found: 25 },
  { caseRef: 'C-1', state: 'released', found: 101 },
  { caseRef: 'unknown', found: 0 },
];
test.each(HOLDS)('reads fewer than 1 000 of 100 000 holds with a generic plan for %j', async ({ found, ...filter }) => {
  const list = (queries: Queries) => listHolds(queries, { ...page, filter });
  expect(await readsOf('lethe.holds', list)).toEqual({ found, few: true });
});

const SUPPRESSIONS: readonly (SuppressionFilter & { readonly of?: 'rare' | 'none'; readonly found: number })[] = [
  { found: 101 },
  { state: 'active', found: 101 },
  { state: 'lifted', found: 25 },
  { kind: 'company', found: 25 },
  { kind: 'company', state: 'lifted', found: 0 },
  { of: 'rare', found: 25 },
  { of: 'none', found: 0 },
];
test.each(SUPPRESSIONS)(
  'reads fewer than 1 000 of 100 000 suppressions with a generic plan for %j',
  async ({ found, of, ...rest }) => {
    const filter = of === undefined ? rest : { ...rest, requestId: of === 'rare' ? rare : none };
    const systems = [{ system: 'app', kind: 'user' }] as const;
    const list = (queries: Queries) => listSuppressions(queries, { ...page, systems, filter });
    expect(await readsOf('lethe.suppressions', list)).toEqual({ found, few: true });
  },
);
