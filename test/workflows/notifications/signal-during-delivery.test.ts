import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { notificationWorkflowIdFor } from '../../../domain/ids.ts';
import {
  NOTIFICATION_TASK_QUEUE,
  notificationQueuedSignal,
  REQUESTS_TASK_QUEUE,
} from '../../../workflows/shared/messages.ts';
import { quietTemporal } from '../../support/servers/temporal-runtime.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { workflowBundle } from '../../support/run/workflow-bundle.ts';

quietTemporal();

// Replaces the activity, so that a signal arrives between its result and the end of the workflow.
test('delivers again before it ends when a signal arrives during the last delivery', async () => {
  const env = await timeSkipping();
  const channel = { project: 'demo', channel: 'mail' };
  const workflowId = notificationWorkflowIdFor(channel.project, channel.channel);
  let calls = 0;
  const deliverDueNotifications = async () => {
    if (++calls === 1) await env.client.workflow.getHandle(workflowId).signal(notificationQueuedSignal);
    return { nextAt: null };
  };
  const workers = [
    await Worker.create({
      connection: env.nativeConnection,
      taskQueue: REQUESTS_TASK_QUEUE,
      workflowBundle: await workflowBundle(),
    }),
    await Worker.create({
      connection: env.nativeConnection,
      taskQueue: NOTIFICATION_TASK_QUEUE,
      activities: { deliverDueNotifications },
    }),
  ];
  const runs = workers.map((worker) => worker.run());
  await env.client.workflow.execute('deliverNotifications', {
    workflowId,
    taskQueue: REQUESTS_TASK_QUEUE,
    args: [channel],
  });
  for (const worker of workers) worker.shutdown();
  await Promise.all(runs);
  expect(calls).toBe(2);
});
