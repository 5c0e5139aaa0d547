import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { isHidden } from '../../support/world/users.ts';
import { cancel, ended, eventually, receiptOf, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { sized, withThousandSpaces } from '../../support/size.ts';
import { startWorld, type World } from '../../support/world/world.ts';

// The segment needs two and a half runs at the quota; the last test has none.
const QUOTA = sized(1_000, 10_000);
const SEGMENT = 2.5 * QUOTA;
const SMALL = QUOTA / 20;
const ALL = 5 * QUOTA;
const EVENTS_EACH = 8;

let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), {
    demo: {},
    busy: { policy: { quotaPerRun: QUOTA } },
    large: { policy: { quotaPerRun: null } },
  });
});
afterAll(async () => world.close());

/** Adds the users `<prefix>-1 …` with their events, in two statements. */
async function addUsers(prefix: string, count: number, events = 1): Promise<void> {
  await world.app`INSERT INTO app.users (user_id, xng_id, email, business_unit, name, created_at)
    SELECT ${prefix} || '-' || n, gen_random_uuid(), ${prefix} || n || '@example.test', 'berlin', 'N', '2025-01-01'
    FROM generate_series(1, ${count}) n`;
  await world.app`INSERT INTO app.events (event_id, user_id, occurred_at, name)
    SELECT nextval('app.test_events'), ${prefix} || '-' || n, '2025-02-01', 'seen'
    FROM generate_series(1, ${count}) n, generate_series(1, ${events})`;
}
const countRows = async (prefix: string): Promise<number> => {
  const [row] = await world.app<
    { count: string }[]
  >`SELECT (SELECT count(*) FROM app.users WHERE user_id LIKE ${`${prefix}-%`})
    + (SELECT count(*) FROM app.events WHERE user_id LIKE ${`${prefix}-%`}) AS count`;
  return Number(row?.count);
};
/** A history as text with decoded payloads, as an operator can read it. */
const decoded = (history: Parameters<typeof historyToJSON>[0]): string =>
  JSON.stringify(JSON.parse(historyToJSON(history)), (key, value: unknown) =>
    key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value,
  );
const readClaims = (requestId: string) =>
  world.sql<{ at: Date; count: number }[]>`SELECT claimed_at AS at, count(*) FROM lethe.subjects
    WHERE request_id = ${requestId} AND claimed_at IS NOT NULL GROUP BY claimed_at ORDER BY claimed_at`;
const waitUntilSoftDeleted = (requestId: string, count: number) =>
  eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === count);

test('claims nothing when one of 2 000 subjects is cancelled on day 3, and deletes the others at their run', async () => {
  await addUsers('many', 2_000);
  const requestId = await submit(
    world,
    'demo',
    Array.from({ length: 2_000 }, (_, n) => user(`many-${n + 1}`)),
  );
  await waitUntilSoftDeleted(requestId, 2_000);
  await world.env.sleep('3 days');
  expect(await cancel(world, requestId, [1_234])).toMatchObject({ cancelled: 1, tooLate: [] });
  await eventually('restored', async () => (await statusOf(world, requestId)).states.cancelled === 1);
  expect(await isHidden(world.app, 'many-1234')).toEqual({ flagged: false, hidden: false });
  expect(await isHidden(world.app, 'many-1235')).toEqual({ flagged: true, hidden: true });
  expect(await readClaims(requestId)).toEqual([]);
  expect(await countRows('many')).toBe(4_000);
  const { hardDeleteAt } = await statusOf(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  const [claimed, ...more] = await readClaims(requestId);
  expect(more).toEqual([]);
  expect(claimed?.count).toBe(1_999);
  expect(Number(claimed?.at) - Number(hardDeleteAt)).toBeLessThan(60_000);
  expect(await countRows('many')).toBe(2);
  expect(await receiptOf(world, requestId)).toMatchObject({
    status: 'completed',
    subjects: { cancelled: 1, deleted: 1_999 },
  });
});

test(
  `claims ${withThousandSpaces(SEGMENT)} subjects in three runs of ${withThousandSpaces(QUOTA)}, ranked with another request by due date`,
  { timeout: 120_000 },
  async () => {
    await addUsers('seg', SEGMENT);
    await addUsers('small', SMALL);
    await world.app`INSERT INTO app.segment_members SELECT 'leavers', user_id FROM app.users WHERE user_id LIKE 'seg-%'`;
    const large = await submit(world, 'busy', [], { selection: { by: 'segment', segment: 'leavers' } });
    await waitUntilSoftDeleted(large, SEGMENT);
    const { dueAt } = await statusOf(world, large);
    // Accepted later, but due earlier.
    const small = await submit(
      world,
      'busy',
      Array.from({ length: SMALL }, (_, n) => user(`small-${n + 1}`)),
      {
        dueAt: new Date(dueAt.getTime() - DAY_MS),
      },
    );
    await waitUntilSoftDeleted(small, SMALL);
    expect(await ended(world, small)).toBe('completed');
    expect(await ended(world, large)).toBe('completed');
    const [first, second, third, ...more] = await readClaims(large);
    expect(more).toEqual([]);
    expect([first?.count, second?.count, third?.count]).toEqual([QUOTA - SMALL, QUOTA, QUOTA / 2 + SMALL]);
    expect((await readClaims(small)).map(({ count }) => count)).toEqual([SMALL]);
    const day = (claim: { at: Date } | undefined) => Math.floor(Number(claim?.at) / DAY_MS);
    expect([day(second) - day(first), day(third) - day(second)]).toEqual([1, 1]);
    const booked = await world.sql<
      { booked: number }[]
    >`SELECT booked FROM lethe.runs WHERE project = 'busy' ORDER BY run_at`;
    expect(booked.map((run) => run.booked)).toEqual([QUOTA, QUOTA, QUOTA / 2 + SMALL]);
    expect(await countRows('seg')).toBe(0);
    expect(await countRows('small')).toBe(0);
    const { systems } = await receiptOf(world, large);
    expect(systems[0]?.tables.find(({ table }) => table === 'app.events')?.removed).toBe(SEGMENT);
  },
);

test(
  `deletes ${withThousandSpaces(ALL)} subjects with ${withThousandSpaces((2 + EVENTS_EACH) * ALL)} rows in fewer than 300 events of parent and child`,
  { timeout: 180_000 },
  async () => {
    await addUsers('huge', ALL, EVENTS_EACH);
    await world.app`INSERT INTO app.segment_members SELECT 'everyone-else', user_id FROM app.users WHERE user_id LIKE 'huge-%'`;
    const requestId = await submit(world, 'large', [], { selection: { by: 'segment', segment: 'everyone-else' } });
    expect(await ended(world, requestId)).toBe('completed');
    expect(await countRows('huge')).toBe(0);
    let events = 0;
    let bytes = 0;
    for (const id of [workflowIdFor(requestId), `${workflowIdFor(requestId)}/app/1`]) {
      const history = await world.env.client.workflow.getHandle(id).fetchHistory();
      events += history.events?.length ?? 0;
      const text = decoded(history);
      bytes += text.length;
      // This name occurs only in payloads, so the text contains them.
      expect(text).toContain('asOf');
      expect(text).not.toContain('huge');
    }
    expect(events, `events of ${bytes} bytes of history as JSON`).toBeLessThan(300);
  },
);
