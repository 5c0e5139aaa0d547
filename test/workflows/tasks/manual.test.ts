import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { manual } from '../../../connectors/manual/index.ts';
import { answerTask, type TaskAnswer } from '../../../db/tasks/answer.ts';
import { listTasks } from '../../../db/tasks/list.ts';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { childWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { openMailer } from '../../../outbound/mailer.ts';
import { user } from '../../support/ledger.ts';
import { FROM, mailFolder } from '../../support/outbound.ts';
import { startReceiver } from '../../support/servers/receiver.ts';
import { webhookAt } from '../../support/webhooks.ts';
import {
  ended,
  eventually,
  nowOf,
  receiptOf,
  retry,
  skippingUntil,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { addUser, rowsOf } from '../../support/world/users.ts';
import { withWorld } from '../../support/world/world.ts';

const outbox = mailFolder();
const partner = manual({
  erase: 'Delete {subjects} in the back office of the partner.',
  kinds: { user: { identities: { user_id: {} } } },
  within: '3 days',
  notify: 'back-office@partner.test',
});
const world = await withWorld(
  { demo: { systems: { partner }, policy: { window: null } } },
  { mailer: openMailer({ url: outbox.url, from: FROM }) },
);

async function submitUntilTask(...ids: readonly string[]) {
  await Promise.all(ids.map((id) => addUser(world.app, id)));
  const requestId = await submit(world, 'demo', ids.map(user));
  await skippingUntil(world, 'a task is open', async () => (await taskOf(requestId)) !== undefined, '1 day');
  const task = await taskOf(requestId);
  if (task === undefined) throw new Error('there is no task');
  return { requestId, task };
}
const taskOf = async (requestId: string) => {
  const page = { project: 'demo', filter: { requestId }, after: null, limit: 9, at: await nowOf(world) };
  return (await listTasks(world.database, page))[0];
};
async function answer(id: string, given: TaskAnswer['answer']): Promise<Date> {
  const at = await nowOf(world);
  const { wake } = await answerTask(world.database, { project: 'demo', id, answer: given, actor: 'mem_7', at });
  await world.orchestrator.signalRequests(wake);
  return at;
}
const historyOf = async (workflowId: string): Promise<string> =>
  historyToJSON(await world.env.client.workflow.getHandle(workflowId).fetchHistory());

test('deletes elsewhere, tells about the task, and completes with the statement of a person at once', async () => {
  const receiver = await startReceiver();
  const { secret } = await webhookAt(world, 'demo', `${receiver.url}/lethe`);
  const { requestId, task } = await submitUntilTask('u-canary');
  await sleepUntil(world, new Date(task.dueAt.getTime() + HOUR_MS));
  expect(await rowsOf(world.app, 'u-canary')).toEqual({});
  expect((await statusOf(world, requestId)).status).toBe('deleting');
  const details = await world.env.client.workflow.getHandle(workflowIdFor(requestId)).query<object>('progress');
  expect(JSON.stringify(details)).toContain('Task of a person in partner, due at');
  await eventually('both mails are written', async () => outbox.mails().size === 2);
  const mails = [...outbox.mails().values()];
  expect(mails.filter((mail) => mail.includes('Subject: Lethe: task in partner opened'))).toHaveLength(1);
  expect(mails.filter((mail) => mail.includes('Subject: Lethe: task in partner is late'))).toHaveLength(1);
  for (const mail of mails) {
    expect(mail).toContain('To: back-office@partner.test');
    expect(mail).toContain('Delete 1 in the back office of the partner.');
    expect(mail).toContain(`/v1/tasks/${task.id}/reveal`);
    expect(mail).not.toContain('canary');
  }
  const at = await answer(task.id, { state: 'done' });
  expect(await ended(world, requestId)).toBe('completed');
  const { systems, unverified, concludedAt } = await receiptOf(world, requestId);
  expect(Date.parse(concludedAt ?? '') - at.getTime()).toBeLessThan(HOUR_MS);
  expect(systems.map(({ system, proof }) => [system, proof?.level, proof?.saidBy])).toEqual([
    ['app', 'read', []],
    ['partner', 'person', ['mem_7']],
  ]);
  expect(unverified).toEqual([{ system: 'partner', level: 'person', saidAt: at.toISOString() }]);
  const events = receiver.received.map(
    ({ body, headers }) => new Webhook(secret).verify(body, headers) as { type: string; data: unknown },
  );
  expect(events.filter(({ type }) => type.startsWith('task.'))).toMatchObject(
    ['task.opened', 'task.overdue'].map((type) => ({
      type,
      data: {
        id: task.id,
        requestId,
        system: 'partner',
        subjects: 1,
        dueAt: task.dueAt.toISOString(),
        project: 'demo',
      },
    })),
  );
  const child = await historyOf(childWorkflowIdFor(requestId, 'partner', 1));
  for (const history of [await historyOf(workflowIdFor(requestId)), child]) {
    expect(history).not.toContain('canary');
    expect(history).not.toContain(task.id);
  }
  // Opened, late, answered: no call asks in between.
  expect(world.faultsOf('demo', 'partner').calls.filter((call) => call === 'hardDelete')).toHaveLength(3);
});

test('deletes the others when it is not possible for one, and completes after a retry', async () => {
  const { requestId, task } = await submitUntilTask('n-1', 'n-2');
  await answer(task.id, { state: 'not_possible', reason: 'the contract runs on', subjects: [2] });
  await eventually('one subject is blocked', async () => (await statusOf(world, requestId)).attention.length > 0);
  const blocked = [{ table: task.id, constraint: 'not_possible', subjects: 1, positions: [2] }];
  expect((await statusOf(world, requestId)).attention).toMatchObject([{ system: 'partner', blocked }]);
  await retry(world, requestId);
  await eventually('the task is open again', async () => (await taskOf(requestId))?.state === 'open');
  await answer(task.id, { state: 'done' });
  expect(await ended(world, requestId)).toBe('completed');
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 2 });
});
