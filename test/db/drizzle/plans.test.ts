import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listActivity } from '../../../db/audit/activity.ts';
import { listDeliveries } from '../../../db/notifications/list.ts';
import { listRequests } from '../../../db/requests/list.ts';
import { auditEvents } from '../../../db/schema/audit.ts';
import { deliveries } from '../../../db/schema/notifications.ts';
import { requests } from '../../../db/schema/requests.ts';
import { subjects } from '../../../db/schema/subjects.ts';
import { accept, type Ledger, ledger, PROJECT, START, user } from '../../support/ledger.ts';

let world: Ledger;
beforeAll(async () => {
  world = await ledger();
  const { database } = world;
  const id = await accept(world, [user('of the deliveries')]);
  await database.execute(sql`
    INSERT INTO ${requests} (id, project, kind, subject_kind, regulation, scope, selection, suppress, on_conflict,
      submitted_by, submitted, received_at, due_at, hard_delete_at, estimated_completion_at, attended_at)
    SELECT 'req_' || md5(n::text), ${PROJECT}, 'deletion', 'user', 'gdpr', 'data', 'identities', false, 'attach',
      'mem_' || n % 7, 3, at, at + interval '30 days', at + interval '14 days', at + interval '16 days', at
    FROM generate_series(1, 50000) n, LATERAL (SELECT ${START}::timestamptz - n * interval '2 minutes' AS at) received`);
  await database.execute(sql`
    INSERT INTO ${subjects} (request_id, seq, project, kind, digest, known, state, hidden, generation, batch, claimed_at)
    SELECT 'req_' || md5(n::text), 1, ${PROJECT}, 'user', decode(md5(n::text), 'hex'), true, 'deleted', true, 1, 1, ${START}::timestamptz
    FROM generate_series(1, 50000) n`);
  await database.execute(sql`
    INSERT INTO ${deliveries} (id, project, channel, request_id, kind, status, at, next_at)
    SELECT 'evt_' || md5(n::text), ${PROJECT}, 'whk_' || n % 2, ${id}, 'deletion', 'received', at, at
    FROM generate_series(1, 50000) n, LATERAL (SELECT ${START}::timestamptz - n * interval '2 minutes' AS at) happened`);
  await database.execute(sql`
    INSERT INTO ${auditEvents} (at, project, actor, action, detail)
    SELECT ${START}::timestamptz + n * interval '1 minute', ${PROJECT}, 'mem_' || n % 7, 'hold.placed', '{}' FROM generate_series(1, 50000) n`);
  await database.execute(sql`ANALYZE ${requests}, ${subjects}, ${deliveries}, ${auditEvents}`);
}, 60_000);
afterAll(() => world.closeLedger());

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}
const nodesOf = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The generic plan of the statement that `list` sends. */
async function planOf(list: () => Promise<readonly unknown[]>) {
  const { database, statements } = world;
  const before = statements.length;
  expect(await list()).toHaveLength(51);
  const sent = statements.slice(before);
  expect(sent).toHaveLength(1);
  const [row] = await database.execute<{ 'QUERY PLAN': readonly { readonly Plan: Plan }[] }>(
    sql.raw(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${sent[0]}`),
  );
  const nodes = nodesOf(row?.['QUERY PLAN']?.[0]?.Plan ?? { 'Node Type': 'none' });
  return {
    scans: nodes.flatMap((node) => node['Index Name'] ?? []),
    // The planner may scan the few rows of `attention`.
    sorts: nodes
      .filter((node) => /Sort|Seq Scan/.test(node['Node Type']) && node['Relation Name'] !== 'attention')
      .map((node) => node['Node Type']),
  };
}

const after = { id: 'z', at: START };
const page = { project: PROJECT, kinds: null, limit: 51 } as const;

test.each([null, { id: 'req_z', receivedAt: START }])(
  'reads a page of requests in the order of an index when the previous page ends at %j',
  async (last) => {
    const list = () => listRequests(world.database, { ...page, filter: {}, now: START, after: last });
    expect(await planOf(list)).toEqual({ scans: expect.arrayContaining(['requests_of_project']), sorts: [] });
  },
);

test.each([null, after])(
  'reads a page of deliveries in the order of an index when the previous page ends at %j',
  async (last) => {
    const list = () => listDeliveries(world.database, { webhookId: 'whk_1', kinds: null, after: last, limit: 51 });
    expect(await planOf(list)).toEqual({ scans: ['deliveries_of_channel'], sorts: [] });
  },
);

test.each([null, { id: 60_000, at: new Date('2027-01-01T00:00:00Z') }])(
  'reads a page of the activity in the order of an index when the previous page ends at %j',
  async (last) => {
    const list = () => listActivity(world.database, { ...page, filter: {}, after: last });
    expect(await planOf(list)).toEqual({ scans: expect.arrayContaining(['audit_events_of_project']), sorts: [] });
  },
);

test('sorts the page when the index is declared with NULLS LAST, as drizzle declares it by default', async () => {
  const { database } = world;
  await database.execute(sql`DROP INDEX lethe.deliveries_of_channel`);
  await database.execute(
    sql`CREATE INDEX deliveries_of_channel ON ${deliveries} (channel, at DESC NULLS LAST, id DESC NULLS LAST)`,
  );
  const list = () => listDeliveries(database, { webhookId: 'whk_1', kinds: null, after: null, limit: 51 });
  expect((await planOf(list)).sorts).toContain('Sort');
});
