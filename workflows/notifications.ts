import { continueAsNew } from '@temporalio/workflow';
import type { Channel } from '../domain/notification.ts';
import { notifications } from './shared/proxies.ts';
import { createWakeup } from './shared/wakeup.ts';

/**
 * Delivers the notifications of one channel: one webhook, or the mail of a project. The rows say what is due and when a
 * failed delivery is retried; this waits until then, and ends when nothing is left. A new notification starts or signals it.
 */
export async function deliverNotifications(channel: Channel): Promise<void> {
  const wakeup = createWakeup();
  for (;;) {
    wakeup.reset();
    const { nextAt } = await notifications.deliverDue({ ...channel, asOf: Date.now() });
    if (nextAt === null && !wakeup.wasSignalled()) return;
    if (wakeup.shouldContinueAsNew()) await continueAsNew<typeof deliverNotifications>(channel);
    if (nextAt !== null) await wakeup.waitUntil(nextAt, 'the next attempt');
  }
}
