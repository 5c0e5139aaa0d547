import { expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { childWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { rowsIn } from '../../activities/support.ts';
import { user } from '../../support/ledger.ts';
import { ended, receiptOf, statusOf, submit } from '../../support/world/actions.ts';
import { memorySystem } from '../../support/world/memory-system.ts';
import { addUser } from '../../support/world/users.ts';
import { withWorld } from '../../support/world/world.ts';

const LEAVERS = ['leaver-1', 'leaver-2', 'leaver-3'] as const;
const PEOPLE = [...LEAVERS, 'stayer'];
/** Deletes by tasks, and says when they are done. */
const attesting = memorySystem(PEOPLE, { deletes: 'tasks', batchSize: 1, attests: true, actsAfter: 3 });
/** Deletes by tasks and says nothing more. */
const accepting = memorySystem(PEOPLE, { deletes: 'tasks', batchSize: 2 });
/** Still finds the people that it has deleted, for a while. */
const lagging = memorySystem(PEOPLE, { deletes: 'people', batchSize: 2, lags: true, actsAfter: 3 });
/** A person deletes, within months. */
const patient = memorySystem(PEOPLE, {
  deletes: 'tasks',
  attests: true,
  actsAfter: 4,
  waitMs: 20 * DAY_MS,
  description: { verification: 'person' },
});
const world = await withWorld({
  attesting: { systems: { tasks: attesting.definition } },
  accepting: { systems: { tasks: accepting.definition } },
  lagging: { systems: { search: lagging.definition } },
  patient: { systems: { desk: patient.definition } },
});

const deleteAll = async (project: string): Promise<string> => {
  for (const id of LEAVERS) await addUser(world.app, id);
  const requestId = await submit(world, project, LEAVERS.map(user));
  expect(await ended(world, requestId)).toBe('completed');
  return requestId;
};
const systemOf = async (requestId: string, name: string) =>
  (await receiptOf(world, requestId)).systems.find(({ system }) => system === name);
const leftIn = ({ people }: typeof attesting) => [...people.values()].map(({ userId }) => userId);
const callsOf = ({ calls }: typeof attesting, name: string) => calls.filter((call) => call.startsWith(name));
const historyOf = async (workflowId: string, runId?: string) =>
  (await world.env.client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
const keptIn = async (requestId: string) =>
  (
    await world.sql<{ kept: string }[]>`
      SELECT id AS kept FROM lethe.foreign_ids WHERE request_id = ${requestId}
      UNION ALL SELECT ticket FROM lethe.range_tickets WHERE request_id = ${requestId}`
  ).map(({ kept }) => kept);

let attested: Promise<string> | undefined;
/** The request that has deleted all leavers from the attesting system. */
const attestedRequest = (): Promise<string> => (attested ??= deleteAll('attesting'));

test('asks an attesting system for its tickets until it is done, and reports what it requested and who says so', async () => {
  const requestId = await attestedRequest();
  expect(leftIn(attesting)).toEqual(['stayer']);
  expect(callsOf(attesting, 'submit')).toHaveLength(3);
  expect(callsOf(attesting, 'find')).toHaveLength(3);
  const receipt = await systemOf(requestId, 'tasks');
  expect(receipt).toMatchObject({ state: 'attested', survivors: null });
  expect(receipt?.tables).toMatchObject([{ table: 'people', removed: null, requested: 3 }]);
  expect(receipt?.proof).toMatchObject({ level: 'attested', read: [], attested: [] });
  expect(receipt?.proof?.saidAt).not.toBeNull();
  expect((await systemOf(requestId, 'app'))?.proof).toMatchObject({ level: 'read', attested: [] });
  expect((await receiptOf(world, requestId)).unverified).toMatchObject([{ system: 'tasks', level: 'attested' }]);
});

test('stores no ticket and no foreign id in histories, nor in the ledger once the request has ended', async () => {
  const requestId = await attestedRequest();
  // The tickets were asked for, so the ledger has kept them.
  expect(callsOf(attesting, 'ask task-').length).toBeGreaterThan(3);
  expect(await keptIn(requestId)).toEqual([]);
  for (const workflowId of [workflowIdFor(requestId), childWorkflowIdFor(requestId, 'tasks', 1)]) {
    const history = Buffer.from(JSON.stringify(await historyOf(workflowId))).toString();
    const payloads = history.replaceAll(/"data":"([^"]+)"/g, (_, data: string) =>
      Buffer.from(data, 'base64').toString(),
    );
    for (const text of ['foreign-', 'task-', ...LEAVERS]) expect(payloads).not.toContain(text);
  }
  // Identities are purged with the request, and so is what the system knows the subjects by.
  expect(JSON.stringify(await rowsIn(world.sql, 'lethe'))).not.toMatch(/foreign-|task-|leaver-/);
});

test('lists a system that only accepts with what was requested, and without proof', async () => {
  const requestId = await deleteAll('accepting');
  const receipt = await systemOf(requestId, 'tasks');
  expect(receipt).toMatchObject({
    state: 'unverified',
    proof: { level: 'none', read: [], attested: [], saidAt: null },
  });
  expect(receipt?.tables).toMatchObject([{ table: 'people', removed: null, requested: 3 }]);
});

test('waits for a system that still finds the subjects that it has deleted, without a second pass', async () => {
  const requestId = await deleteAll('lagging');
  expect(leftIn(lagging)).toEqual(['stayer']);
  const [work] = await world.sql<{ pass: number }[]>`
    SELECT pass FROM lethe.batch_work WHERE request_id = ${requestId} AND system = 'search'`;
  expect(work).toEqual({ pass: 1 });
  expect(callsOf(lagging, 'remove')).toHaveLength(3);
  const receipt = await systemOf(requestId, 'search');
  expect(receipt).toMatchObject({ state: 'verified', survivors: 0, proof: { level: 'read', read: ['people'] } });
  expect(receipt?.tables).toMatchObject([{ table: 'people', removed: 9, requested: null }]);
  // Three waits of the system and the settle period, each of a few events. A run that finds the work ended is shorter.
  expect((await historyOf(childWorkflowIdFor(requestId, 'search', 1))).length).toBeLessThan(80);
});

test('continues as new while a person takes months, and reports that a person says so', async () => {
  const requestId = await deleteAll('patient');
  expect(leftIn(patient)).toEqual(['stayer']);
  expect(callsOf(patient, 'submit')).toHaveLength(2);
  const child = childWorkflowIdFor(requestId, 'desk', 1);
  const runs = (await historyOf(workflowIdFor(requestId))).flatMap(
    ({ childWorkflowExecutionStartedEventAttributes }) => {
      const { workflowId, runId } = childWorkflowExecutionStartedEventAttributes?.workflowExecution ?? {};
      return workflowId === child && typeof runId === 'string' ? [runId] : [];
    },
  );
  const first = await historyOf(child, runs[0]);
  expect(first.at(-1)?.workflowExecutionContinuedAsNewEventAttributes).toBeTruthy();
  expect(first.length).toBeLessThan(60);
  expect(await systemOf(requestId, 'desk')).toMatchObject({ state: 'attested', proof: { level: 'person' } });
  expect((await receiptOf(world, requestId)).unverified).toMatchObject([{ system: 'desk', level: 'person' }]);
  expect((await statusOf(world, requestId)).statements).toMatchObject([{ system: 'desk', level: 'person' }]);
});
