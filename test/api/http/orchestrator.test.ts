import { Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { suppressionWorkflowId } from '../../../api/temporal/calls.ts';
import { temporalOrchestrator } from '../../../api/temporal/orchestrator.ts';
import { acceptRequest } from '../../../db/requests/create.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { ledger, newRequest, user } from '../../support/ledger.ts';
import { devServer } from '../../support/servers/temporal.ts';

const { env } = await devServer();
const client = new Client({ connection: env.connection });
const lines: object[] = [];
const { database, sql } = await ledger();
const orchestrator = temporalOrchestrator(client, { database, log: { warn: (fields) => void lines.push(fields) } });
/** Stores a request of two subjects, as the API does before it starts a workflow. */
async function stored(id: string): Promise<string> {
  const dueAt = new Date('2026-12-05T10:00:00.000Z');
  await acceptRequest(database, newRequest([user(`${id}-1`), user(`${id}-2`)], { id, dueAt }));
  return id;
}
const describe = (id: string) => client.workflow.getHandle(workflowIdFor(id)).describe();

test('starts a workflow with a summary for operators, idempotently', async () => {
  await orchestrator.start(await stored('req_one'));
  const first = await describe('req_one');
  expect(await first.staticSummary()).toBe('Deletion · 2 subjects · due 2026-12-05');
  expect(first.type).toBe('fulfillDeletion');
  expect(first.searchAttributes).toMatchObject({
    LetheKind: ['deletion'],
    LetheStatus: ['received'],
    LetheProject: ['demo'],
    LetheSubjects: [2],
    LetheNeedsAttention: [false],
  });
  await orchestrator.start('req_one');
  expect((await describe('req_one')).runId).toBe(first.runId);
  expect(lines).toEqual([]);
});

test('restarts a terminated workflow but does not start one for an ended request', async () => {
  await orchestrator.start(await stored('req_two'));
  const first = await describe('req_two');
  await client.workflow.getHandle(workflowIdFor('req_two')).terminate('test');
  await orchestrator.start('req_two');
  expect((await describe('req_two')).runId).not.toBe(first.runId);
  await stored('req_ended');
  await sql`UPDATE lethe.requests SET status = 'cancelled', concluded_at = received_at WHERE id = 'req_ended'`;
  await orchestrator.start('req_ended');
  await expect(describe('req_ended')).rejects.toThrow('not found');
  expect(lines).toEqual([]);
});

test('signals all running workflows and skips one that does not run', async () => {
  const ids = Array.from({ length: 25 }, (_, index) => `req_signal_${index}`);
  // Sequential: on a busy machine, a start that times out is left to housekeeping and logged.
  for (const id of ids) await orchestrator.start(await stored(id));
  await orchestrator.signalRequests(['req_never_started', ...ids]);
  for (const id of [ids[0], ids[24]]) {
    const { events } = await client.workflow.getHandle(workflowIdFor(String(id))).fetchHistory();
    expect(
      events?.filter((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'requestChanged'),
    ).toHaveLength(1);
  }
  expect(lines).toEqual([]);
});

test('propagates a suppression in its own workflow and restarts it after it has ended', async () => {
  await orchestrator.startSuppression('sup_one');
  const handle = client.workflow.getHandle(suppressionWorkflowId('sup_one'));
  const first = await handle.describe();
  expect(first.type).toBe('propagateSuppression');
  await handle.terminate('test');
  await orchestrator.startSuppression('sup_one');
  expect((await handle.describe()).runId).not.toBe(first.runId);
});

test('returns the progress that the Temporal server knows when no worker runs', async () => {
  await orchestrator.start(await stored('req_three'));
  expect(await orchestrator.readProgress('req_three')).toEqual({ workflow: null, activities: [] });
  expect(await orchestrator.readProgress('req_nowhere')).toBeNull();
  expect(await orchestrator.isReachable()).toBe(true);
});
