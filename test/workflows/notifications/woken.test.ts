import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { notificationWorkflowIdFor } from '../../../domain/ids.ts';
import { REQUESTS_TASK_QUEUE, NOTIFICATION_TASK_QUEUE, wakeSignal } from '../../../workflows/shared/messages.ts';
import { quietTemporal } from '../../support/servers/temporal-runtime.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { workflowBundle } from '../../support/run/workflow-bundle.ts';

quietTemporal();

/** The workflow alone: what its activity answers is made up, so that a wake can come at the one moment that matters. */
test('woken after it was answered that nothing is left, it looks once more before it ends', async () => {
  const env = await timeSkipping();
  const channel = { project: 'demo', channel: 'mail' };
  const workflowId = notificationWorkflowIdFor(channel.project, channel.channel);
  let looks = 0;
  const deliverDue = async () => {
    if (++looks === 1) await env.client.workflow.getHandle(workflowId).signal(wakeSignal);
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
      activities: { deliverDue },
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
  expect(looks).toBe(2);
});
