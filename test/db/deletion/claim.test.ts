import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkPinnedSystems } from '../../../db/deletion/check-systems.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { placeHold, releaseHold } from '../../../db/holds/holds.ts';
import { newId } from '../../../domain/ids.ts';
import {
  after,
  claimAt,
  days,
  givenHiddenSubjects,
  KEYS,
  type Ledger,
  ledger,
  POLICY,
  reconcileAt,
  RUN,
  states,
  user,
} from '../../support/ledger.ts';

const people = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => user(`${prefix}-${n}`));

let world: Ledger;
let nextProject = 0;
beforeAll(async () => {
  world = await ledger(Array.from({ length: 20 }, (_, n) => `p${n}`));
});
afterAll(async () => world.closeLedger());
/** A project that no other test uses, so that each test has its own quota. */
const nextProjectName = (): string => `p${nextProject++}`;

test('claims all due subjects at the run, and none a minute earlier', async () => {
  const requestId = await givenHiddenSubjects(world, people('a', 3), { project: nextProjectName() });
  expect(await claimAt(world, requestId, after(-1 / 60))).toEqual({ claimed: 0, leftForNextRun: 0, wake: [] });
  expect(await states(world, requestId)).toEqual({ soft_deleted: 3 });
  expect(await claimAt(world, requestId, RUN)).toEqual({ claimed: 3, leftForNextRun: 0, wake: [] });
});

test('does not claim or book again when a claim is repeated', async () => {
  const projectName = nextProjectName();
  const requestId = await givenHiddenSubjects(world, people('b', 5), { project: projectName });
  await claimAt(world, requestId, RUN, { quotaPerRun: 3 });
  expect(await claimAt(world, requestId, RUN, { quotaPerRun: 3 })).toEqual({ claimed: 0, leftForNextRun: 0, wake: [] });
  expect(await states(world, requestId)).toEqual({ claimed: 3, soft_deleted: 2 });
  const runs = await world.sql`SELECT booked FROM lethe.runs WHERE project = ${projectName}`;
  expect(runs).toMatchObject([{ booked: 3 }]);
});

test('claims subjects over the quota at the next run even if the workflow is signaled earlier', async () => {
  const requestId = await givenHiddenSubjects(world, people('c', 5), { project: nextProjectName() });
  expect(await claimAt(world, requestId, RUN, { quotaPerRun: 3 })).toEqual({ claimed: 3, leftForNextRun: 2, wake: [] });
  expect(await claimAt(world, requestId, after(9), { quotaPerRun: 3 })).toEqual({
    claimed: 0,
    leftForNextRun: 0,
    wake: [],
  });
  expect((await reconcileAt(world, requestId, after(9))).nextDueAt).toBe(after(24).getTime());
  expect(await claimAt(world, requestId, after(24), { quotaPerRun: 3 })).toEqual({
    claimed: 2,
    leftForNextRun: 0,
    wake: [],
  });
});

test('claims expedited subjects first and then by due date, in any order of the workflows', async () => {
  const projectName = nextProjectName();
  const dueIn = (count: number) => ({ project: projectName, dueAt: days(count) });
  const late = await givenHiddenSubjects(world, people('d-late', 4), dueIn(40));
  const early = await givenHiddenSubjects(world, people('d-early', 4), dueIn(20));
  const expedited = await givenHiddenSubjects(world, people('d-now', 2), {
    ...dueIn(60),
    expedite: { when: 'next_run', reason: 'ticket' },
  });
  for (const requestId of [late, early, expedited]) await claimAt(world, requestId, RUN, { quotaPerRun: 7 });
  expect(await states(world, expedited)).toEqual({ claimed: 2 });
  expect(await states(world, early)).toEqual({ claimed: 4 });
  expect(await states(world, late)).toEqual({ claimed: 1, soft_deleted: 3 });
});

test('books a claim hours after the run under that run', async () => {
  const projectName = nextProjectName();
  const requestId = await givenHiddenSubjects(world, people('e', 2), { project: projectName });
  expect(await claimAt(world, requestId, after(5), { quotaPerRun: 10 })).toMatchObject({ claimed: 2 });
  const runs = await world.sql<{ runAt: Date }[]>`SELECT run_at FROM lethe.runs WHERE project = ${projectName}`;
  expect(runs.map((run) => run.runAt)).toEqual([RUN]);
});

test('does not claim a held subject, and claims it at the next run after the release', async () => {
  const projectName = nextProjectName();
  const requestId = await givenHiddenSubjects(world, people('f', 2), { project: projectName });
  const id = newId('hold', 1);
  const by = { caseRef: 'C', heldBy: 'counsel', actor: 'operator' };
  await placeHold(world.database, KEYS, {
    id,
    project: projectName,
    kind: 'user',
    identities: [user('f-1')],
    ...by,
    at: days(2),
  });
  expect(await claimAt(world, requestId, RUN)).toEqual({ claimed: 1, leftForNextRun: 0, wake: [] });
  expect(await reconcileAt(world, requestId, RUN)).toMatchObject({ claimable: 0, held: 1, nextDueAt: null });
  await releaseHold(world.database, POLICY.window, { id, actor: 'operator', at: after(10) });
  expect(await claimAt(world, requestId, after(10))).toEqual({ claimed: 0, leftForNextRun: 0, wake: [] });
  expect(await claimAt(world, requestId, after(24))).toEqual({ claimed: 1, leftForNextRun: 0, wake: [] });
});

test('raises attention and does not claim when a pinned system is not configured', async () => {
  const requestId = await givenHiddenSubjects(world, people('i', 1), { project: nextProjectName() });
  expect(await checkPinnedSystems(world.database, { requestId, configured: {}, at: RUN })).toEqual([]);
  const attention = await world.sql`SELECT system, code FROM lethe.attention WHERE request_id = ${requestId}`;
  expect(attention).toMatchObject([{ system: 'app', code: 'system_missing' }]);
  expect(await claimAt(world, requestId, RUN)).toEqual({ claimed: 0, leftForNextRun: 0, wake: [] });
  expect(await reconcileAt(world, requestId, RUN, [])).toMatchObject({ claimable: 0, nextDueAt: null });
});

test('pins an edited data map once and records both hashes in the audit log', async () => {
  const requestId = await givenHiddenSubjects(world, people('j', 1), { project: nextProjectName() });
  for (const at of [RUN, after(1)]) {
    expect(await checkPinnedSystems(world.database, { requestId, configured: { app: 'map-2' }, at })).toEqual(['app']);
  }
  const events =
    await world.sql`SELECT detail FROM lethe.audit_events WHERE request_id = ${requestId} AND action = 'data_map.changed'`;
  expect(events).toMatchObject([{ detail: { system: 'app', from: 'map-1', to: 'map-2' } }]);
  expect(await claimAt(world, requestId, RUN)).toMatchObject({ claimed: 1 });
});

test('still holds a subject when one of its two holds is released', async () => {
  const projectName = nextProjectName();
  const requestId = await givenHiddenSubjects(world, people('g', 1), { project: projectName });
  const by = {
    project: projectName,
    kind: 'user',
    caseRef: 'C',
    heldBy: 'counsel',
    actor: 'operator',
    at: days(2),
  } as const;
  for (const id of ['hold_1', 'hold_2'])
    await placeHold(world.database, KEYS, { id, identities: people('g', 1), ...by });
  await releaseHold(world.database, POLICY.window, { id: 'hold_1', actor: 'operator', at: days(3) });
  expect(await claimAt(world, requestId, RUN)).toMatchObject({ claimed: 0 });
});

test('does not conclude a deletion with open subjects', async () => {
  const requestId = await givenHiddenSubjects(world, people('h', 1), { project: nextProjectName() });
  await expect(conclude(world.database, { requestId, at: RUN })).rejects.toThrow('still open');
  const [row] = await world.sql`SELECT count(*) FROM lethe.subject_identities WHERE request_id = ${requestId}`;
  expect(row).toEqual({ count: 1 });
});

test('rejects changes to audit events, which contain no identity', async () => {
  const requestId = await givenHiddenSubjects(world, people('canary', 2), { project: nextProjectName() });
  await claimAt(world, requestId, RUN);
  await expect(world.sql`DELETE FROM lethe.audit_events`).rejects.toThrow('append-only');
  await expect(world.sql`UPDATE lethe.audit_events SET actor = 'other'`).rejects.toThrow('append-only');
  const events = await world.sql<
    { action: string }[]
  >`SELECT * FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`;
  expect(events.map(({ action }) => action)).toEqual([
    'request.received',
    'subjects.resolved',
    'subjects.soft_deleted',
    'subjects.claimed',
  ]);
  expect(JSON.stringify(events)).not.toContain('canary');
});
