import { Client, Connection } from '@temporalio/client';
import { beforeEach, expect, test } from 'vitest';
import { suppressionWorkflowId } from '../../../api/temporal/calls.ts';
import { dispatchDue } from '../../../api/temporal/dispatcher.ts';
import { temporalOrchestrator } from '../../../api/temporal/orchestrator.ts';
import { raiseWake } from '../../../db/audit/audit.ts';
import { openChanges, recordDispatched, takeDueRequests } from '../../../db/operations/outbox.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { placeSuppression } from '../../../db/suppressions/suppressions.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { newId, notificationWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { accept, KEYS, ledger, POLICY, PROJECT, START, user } from '../../support/ledger.ts';
import { devServer } from '../../support/servers/temporal.ts';

const { env } = await devServer();
const world = await ledger();
const { database, sql } = world;
const calls: string[] = [];
const lines: object[] = [];
const log = { warn: (fields: object) => void lines.push(fields) };
const client = new Client({
  connection: env.connection,
  interceptors: {
    workflow: [
      {
        start: (input, next) => (calls.push(`start ${input.options.workflowId}`), next(input)),
        signal: (input, next) => (calls.push(`signal ${input.workflowExecution.workflowId}`), next(input)),
        signalWithStart: (input, next) => (calls.push(`notify ${input.options.workflowId}`), next(input)),
      },
    ],
  },
});
const away = new Client({ connection: Connection.lazy({ address: `127.0.0.1:${await freePort()}` }) });
const dispatch = (to: Client = client) =>
  dispatchDue({ client: to, database, log, ...(to === away ? { deadlineMs: 500 } : {}) });

beforeEach(async () => {
  calls.splice(0);
  lines.splice(0);
  await sql`UPDATE lethe.requests SET dispatch_at = NULL`;
});

/** Stores requests that no process has started, and ends the second that their own process has for it. */
async function given(count: number, changes: Parameters<typeof accept>[2] = {}): Promise<readonly string[]> {
  const ids = [];
  for (let n = 0; n < count; n++) ids.push(await accept(world, [user(newId('request', n))], changes));
  await makeDue();
  return ids;
}
const makeDue = () => sql`UPDATE lethe.requests SET dispatch_at = '2020-01-01' WHERE dispatch_at IS NOT NULL`;
const rowOf = async (id: string) => {
  const [row] = await sql`SELECT started_at IS NOT NULL AS started, dispatch_at IS NOT NULL AS waiting
    FROM lethe.requests WHERE id = ${id}`;
  return row;
};
const started = (ids: readonly string[]) => ids.map((id) => `start ${workflowIdFor(id)}`);

test('starts every workflow whose start was lost, and makes no further call for it', async () => {
  const ids = await given(45);
  expect([await dispatch(), await dispatch(), await dispatch()]).toEqual(['more', 'idle', 'idle']);
  expect(calls.toSorted()).toEqual(started(ids).toSorted());
  expect(await rowOf(String(ids[44]))).toEqual({ started: true, waiting: false });
  expect((await client.workflow.getHandle(workflowIdFor(String(ids[44]))).describe()).type).toBe('fulfillDeletion');
  expect(lines).toEqual([]);
});

test('leaves a new request to the process that has stored it for one second', async () => {
  const id = await accept(world, [user('own')]);
  expect(await takeDueRequests(database, 10)).toEqual([]);
  const [row] = await sql`SELECT dispatch_at <= clock_timestamp() + interval '1 second' AS soon
    FROM lethe.requests WHERE id = ${id}`;
  expect(row).toEqual({ soon: true });
});

test('takes a deletion that hides before older requests that count or export', async () => {
  const [counting = ''] = await given(1, { confirm: true });
  const [exporting = ''] = await given(1, { kind: 'export', format: 'csv', hardDeleteAt: null });
  const [hiding] = await given(1, { receivedAt: new Date(START.getTime() + 1_000) });
  const taken = [];
  for (let n = 0; n < 3; n++) taken.push((await takeDueRequests(database, 1))[0]?.id);
  expect(taken).toEqual([hiding, ...[counting, exporting].toSorted()]);
});

test('shares the rows between dispatchers that run at the same time', async () => {
  const ids = await given(30);
  const [one, other] = await Promise.all([takeDueRequests(database, 15), takeDueRequests(database, 15)]);
  expect([...one, ...other].map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(await takeDueRequests(database, 15)).toEqual([]);
});

test('loses no row while Temporal is away and starts all as soon as it is back', async () => {
  const ids = await given(3);
  expect(await dispatch(away)).toBe('away');
  expect(await rowOf(String(ids[0]))).toEqual({ started: false, waiting: true });
  expect(await dispatch()).toBe('idle');
  expect(calls.toSorted()).toEqual(started(ids).toSorted());
});

test('repeats a lost signal once, and keeps a change that follows it', async () => {
  const [id = ''] = await given(1);
  await dispatch();
  await raiseWake(database, [id]);
  await temporalOrchestrator(away, { database, log }).signalRequests([id]);
  expect(lines).toHaveLength(1);
  await makeDue();
  const [change] = await openChanges(database, [id]);
  await dispatch();
  expect(await rowOf(id)).toEqual({ started: true, waiting: false });
  await raiseWake(database, [id]);
  await recordDispatched(database, change === undefined ? [] : [change]);
  expect(await rowOf(id)).toEqual({ started: true, waiting: true });
  await dispatch();
  expect(calls).toEqual([`start ${workflowIdFor(id)}`, `signal ${workflowIdFor(id)}`]);
});

test('signals no workflow a second time when the changing process has reached it', async () => {
  const [id = ''] = await given(1);
  const orchestrator = temporalOrchestrator(client, { database, log });
  await orchestrator.start(id);
  await raiseWake(database, [id]);
  await orchestrator.signalRequests([id]);
  await makeDue();
  expect(await dispatch()).toBe('idle');
  expect(calls).toEqual([`start ${workflowIdFor(id)}`, `signal ${workflowIdFor(id)}`]);
});

test('starts a terminated workflow again when its signal finds none', async () => {
  const [id = ''] = await given(1);
  await dispatch();
  await client.workflow.getHandle(workflowIdFor(id)).terminate('test');
  await raiseWake(database, [id]);
  await makeDue();
  await dispatch();
  const workflow = workflowIdFor(id);
  expect(calls).toEqual([`start ${workflow}`, `signal ${workflow}`, `start ${workflow}`]);
  expect((await client.workflow.getHandle(workflow).describe()).status.name).toBe('RUNNING');
});

test('signals the workflow of a request that was cancelled before it was read, and starts none', async () => {
  const [running = '', never = ''] = await given(2);
  await temporalOrchestrator(client, { database, log }).start(running);
  calls.splice(0);
  for (const requestId of [running, never])
    await cancelRequest(database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: START });
  await makeDue();
  expect(await dispatch()).toBe('idle');
  expect(calls).toEqual([`signal ${workflowIdFor(running)}`]);
  expect(await rowOf(never)).toEqual({ started: false, waiting: false });
});

test('starts the workflow of a suppression once per change', async () => {
  const id = newId('suppression', 1);
  const identity = { ...user('suppressed'), comparison: 'exact' } as const;
  await placeSuppression(database, KEYS, {
    id,
    project: PROJECT,
    kind: 'user',
    systems: ['app'],
    identity,
    actor: 'owner',
    at: START,
  });
  await dispatch();
  expect(calls).toEqual([]);
  await sql`UPDATE lethe.suppressions SET dispatch_at = '2020-01-01'`;
  await dispatch();
  await dispatch();
  expect(calls).toEqual([`start ${suppressionWorkflowId(id)}`]);
});

test('signals the workflow of a channel once for all of its deliveries and never for attempted ones', async () => {
  await sql`INSERT INTO lethe.webhooks (id, project, url, created_at, created_by)
    VALUES ('wh_one', ${PROJECT}, 'https://x.test', ${START}, 'owner')`;
  await given(3);
  await sql`UPDATE lethe.requests SET dispatch_at = NULL`;
  await sql`UPDATE lethe.deliveries SET dispatch_at = '2020-01-01'`;
  await dispatch();
  await dispatch();
  expect(calls).toEqual([`notify ${notificationWorkflowIdFor(PROJECT, 'wh_one')}`]);
  await sql`UPDATE lethe.deliveries SET dispatch_at = '2020-01-01', attempts = 1`;
  await dispatch();
  expect(calls).toHaveLength(1);
});

test('gives tasks of deletions that hide the first priority, and a confirmed request the same', async () => {
  const [counting = ''] = await given(1, { confirm: true });
  const [hiding = ''] = await given(1);
  await dispatch();
  const priorityOf = async (id: string) => {
    const { raw } = await client.workflow.getHandle(workflowIdFor(id)).describe();
    return raw.workflowExecutionInfo?.priority;
  };
  expect(await priorityOf(hiding)).toMatchObject({ priorityKey: 1, fairnessKey: PROJECT });
  expect(await priorityOf(counting)).toMatchObject({ priorityKey: 4, fairnessKey: PROJECT });
  const orchestrator = temporalOrchestrator(client, { database, log });
  await orchestrator.signalConfirmed(counting, PROJECT);
  expect(await priorityOf(counting)).toMatchObject({ priorityKey: 1, fairnessKey: PROJECT });
  expect(lines).toEqual([]);
});
