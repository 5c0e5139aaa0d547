import { expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createSystemActivities } from '../../activities/index.ts';
import { Deferral, type Connector } from '../../connectors/connector.ts';
import { buildReceipt } from '../../db/deletion/receipt.ts';
import { HOUR_MS } from '../../domain/calendar.ts';
import type { Project, SystemEntry } from '../../domain/catalog.ts';
import { archives } from '../support/archives.ts';
import {
  accept,
  allKnown,
  APP,
  claimAt,
  KEYS,
  ledger,
  POLICY,
  reconcileAt,
  resolve,
  RUN,
  user,
} from '../support/ledger.ts';
import { notificationDeps } from '../support/outbound.ts';
import { type MemoryOptions, memorySystem } from '../support/world/memory-system.ts';
import { idleStarter, perform } from './environment.ts';

/** What the ledger gives back to a connector whose worker was killed, with a system in memory instead of workers. */
const world = await ledger();
const ENTRY: SystemEntry = { ...APP, name: 'memory', hides: false, verification: 'attested' };
const PROJECT: Project = { name: 'demo', policy: POLICY, directory: 'memory', systems: [ENTRY] };
const LEAVERS = ['leaver-1', 'leaver-2', 'leaver-3', 'leaver-4'] as const;

let connector: Connector;
const catalog = new Map<string, Project>();
const deps: ActivityDeps = {
  database: world.database,
  reading: world.reading,
  keys: KEYS,
  catalog,
  connector: () => connector,
  starter: idleStarter,
  storage: archives(),
  ...notificationDeps(),
};
const activities = createSystemActivities(deps);

/** A request whose subjects are claimed, and the system that has them and one person more. */
async function given(
  options: MemoryOptions,
  leavers: readonly string[] = LEAVERS,
  entry: Partial<SystemEntry> = {},
  policy: Partial<Project['policy']> = {},
) {
  catalog.set('demo', { ...PROJECT, policy: { ...POLICY, ...policy }, systems: [{ ...ENTRY, ...entry }] });
  const system = memorySystem([...leavers, 'stayer'], options);
  connector = system.definition.open({ system: 'memory', secret: () => '' });
  await world.sql`TRUNCATE lethe.subjects, lethe.subject_identities, lethe.runs`;
  const identities = leavers.map(user);
  const requestId = await accept(world, identities);
  await resolve(world, requestId, allKnown(identities), { systems: [ENTRY] });
  await reconcileAt(world, requestId, RUN);
  await claimAt(world, requestId);
  const input = { requestId, project: 'demo', system: 'memory', batch: 1, asOf: RUN.getTime() };
  const deletes = () => perform(activities.deleteBatch, input);
  const verifies = () => perform(activities.verifyBatch, input);
  return { system, requestId, deletes, verifies };
}

/** Repeats the step, as Temporal and the workflow do, until it is the turn of the verification. Returns the failures. */
async function deleteToEnd({ system, deletes }: Awaited<ReturnType<typeof given>>): Promise<number> {
  for (let failures = 0, calls = 0; calls < 30; calls++) {
    const next = await deletes().catch(() => null);
    if (next === null) failures += 1;
    else if (next.step === 'verify') return failures;
    else system.settle();
  }
  throw new Error('the deletion does not end');
}

const callsOf = ({ calls }: ReturnType<typeof memorySystem>, name: string) =>
  calls.filter((call) => call.startsWith(name));
const tablesOf = async (requestId: string) => (await buildReceipt(world.database, requestId)).systems[0]?.tables;
const ticketsOf = async (requestId: string) =>
  (
    await world.sql<
      { ticket: string }[]
    >`SELECT ticket FROM lethe.range_tickets WHERE request_id = ${requestId} ORDER BY 1`
  ).map(({ ticket }) => ticket);

const TASKS = { deletes: 'tasks', batchSize: 1, attests: true } as const;

test.each(['before', 'after'] as const)(
  'submits each range once more at most and counts it once when the worker is killed %s any call',
  async (when) => {
    const leavers = LEAVERS.slice(0, 2);
    let killedAt = 0;
    for (; killedAt < 20; killedAt++) {
      const claimed = await given(TASKS, leavers);
      const kill = claimed.system.failCall(killedAt, when);
      const failures = await deleteToEnd(claimed);
      if (!kill.wasReached()) break;
      expect(failures).toBe(1);
      const { system, requestId } = claimed;
      expect([...system.people.values()].map(({ userId }) => userId)).toEqual(['stayer']);
      expect(system.tasks.size).toBe(leavers.length);
      expect(callsOf(system, 'submit').length).toBeLessThanOrEqual(leavers.length + 1);
      expect(callsOf(system, 'find').length).toBeLessThanOrEqual(leavers.length + 1);
      expect(await tablesOf(requestId)).toMatchObject([{ table: 'people', removed: null, requested: leavers.length }]);
      expect(await ticketsOf(requestId)).toEqual([]);
      expect(await claimed.verifies()).toEqual({ step: 'ended', end: 'attested' });
    }
    // Each range is looked up, submitted and asked for.
    expect(killedAt).toBe(3 * leavers.length);
  },
);

test('keeps a ticket before the next call, and gives it back until its range is finished', async () => {
  const { system, requestId, deletes } = await given(TASKS);
  // After find and submit of the first range and find of the second.
  system.failCall(3, 'after');
  await expect(deletes()).rejects.toThrow('the system failed');
  expect(await ticketsOf(requestId)).toEqual(['task-1']);
  await deletes();
  expect(await ticketsOf(requestId)).toEqual(['task-1', 'task-2', 'task-3', 'task-4']);
  const second = system.tasks.get('task-2');
  if (second !== undefined) second.isDone = true;
  await deletes();
  expect(await ticketsOf(requestId)).toEqual(['task-1', 'task-3', 'task-4']);
  expect(callsOf(system, 'submit')).toHaveLength(5);
  system.settle();
  expect(await deletes()).toMatchObject({ step: 'verify' });
  expect(callsOf(system, 'ask task-2')).toHaveLength(1);
});

test('waits for the next slot without an attempt that fails, and repeats no finished range', async () => {
  const { system, requestId, deletes } = await given({ deletes: 'people', batchSize: 1 });
  const until = new Date(RUN.getTime() + 20 * HOUR_MS);
  const original = connector;
  let slots = 2;
  connector = {
    ...original,
    hardDelete: (batch, deletion, context) =>
      original.hardDelete(batch, deletion, {
        ...context,
        async waitForSlot() {
          if (slots-- === 0) throw new Deferral(until);
        },
      }),
  };
  expect(await deletes()).toEqual({ step: 'delete', at: until.getTime() });
  expect(callsOf(system, 'remove')).toHaveLength(2);
  expect(await world.sql`SELECT code FROM lethe.attention WHERE request_id = ${requestId}`).toEqual([]);
  slots = 100;
  expect(await deletes()).toMatchObject({ step: 'verify' });
  expect(callsOf(system, 'remove').toSorted()).toEqual([1, 2, 3, 4].map((n) => `remove foreign-${n}`));
  expect(await tablesOf(requestId)).toMatchObject([{ table: 'people', removed: 12, requested: null }]);
});

test('keeps the foreign ids of a batch for its second pass, which looks up no subject again', async () => {
  const { system, requestId, deletes } = await given({ deletes: 'people', batchSize: 2 });
  await deletes();
  const kept = await world.sql<{ seq: number; id: string }[]>`
    SELECT seq, id FROM lethe.foreign_ids WHERE request_id = ${requestId} AND batch = 'b1' ORDER BY seq`;
  expect([...kept]).toEqual([1, 2, 3, 4].map((seq) => ({ seq, id: `foreign-${seq}` })));
  expect(callsOf(system, 'find')).toHaveLength(2);
  await world.sql`UPDATE lethe.batch_work SET state = 'deleting', pass = 2 WHERE request_id = ${requestId}`;
  await deletes();
  expect(callsOf(system, 'find')).toHaveLength(2);
  expect(callsOf(system, 'remove')).toHaveLength(8);
});

test('verifies a system that lags behind only when it shows what it has deleted no more', async () => {
  const lagMs = 30 * HOUR_MS;
  const { requestId, deletes, verifies } = await given({ deletes: 'people' }, LEAVERS, { settleMs: lagMs });
  const next = await deletes();
  expect(next.step).toBe('verify');
  expect('at' in next && next.at).toBeGreaterThanOrEqual(RUN.getTime() + lagMs);
  // A signal does not verify earlier.
  const [work] = await world.sql<{ due: Date; state: string }[]>`
    SELECT due_at AS due, state FROM lethe.batch_work WHERE request_id = ${requestId}`;
  expect(work?.state).toBe('verifying');
  expect(work?.due.getTime()).toBe('at' in next && next.at);
  // The settle period of the policy is a day, so the longer one of the system counts.
  expect(await verifies()).toEqual({ step: 'verify', at: RUN.getTime() + lagMs });
});

test('reports what it has read and what only the system states, and needs both', async () => {
  const { requestId, deletes, verifies } = await given({ deletes: 'people' }, LEAVERS, {}, { settleMs: 0 });
  const attestedAt = new Date('2026-01-20T01:00:00.000Z');
  const proofOf = async () => (await buildReceipt(world.database, requestId)).systems[0]?.proof;
  const verified = (more: object) => {
    connector = {
      ...connector,
      verify: async () => ({ survivors: 0, tables: { profiles: 0 }, attested: ['events'], ...more }),
    };
    return verifies();
  };
  await deletes();
  expect(await verified({})).toEqual({ step: 'ended', end: 'attention', code: 'verification_unknown' });
  expect(await proofOf()).toBeNull();
  await world.sql`UPDATE lethe.batch_work SET state = 'verifying' WHERE request_id = ${requestId}`;
  expect(await verified({ attestedAt })).toEqual({ step: 'ended', end: 'verified' });
  expect(await proofOf()).toEqual({
    level: 'read',
    read: ['profiles'],
    attested: ['events'],
    saidAt: attestedAt.toISOString(),
    saidBy: [],
  });
});
