import { continueAsNew, setCurrentDetails } from '@temporalio/workflow';
import type { Channel } from '../domain/notification.ts';
import { utcText } from '../domain/wording/format.ts';
import { notificationQueuedSignal } from './shared/messages.ts';
import { notifications } from './shared/proxies.ts';
import { createWakeup } from './shared/wakeup.ts';

/**
 * Delivers the notifications of one channel: one webhook, or the mail of a project. The rows decide what is due and when a
 * failed delivery is retried. Ends when no delivery is left; a new notification starts or signals it.
 */
export async function deliverNotifications(channel: Channel): Promise<void> {
  const wakeup = createWakeup(notificationQueuedSignal, 'A notification was queued: deliver what is due now.');
  for (;;) {
    wakeup.reset();
    const { nextAt } = await notifications.deliverDueNotifications({ ...channel, asOf: Date.now() });
    if (nextAt === null && !wakeup.wasSignaled()) return;
    if (wakeup.shouldContinueAsNew()) await continueAsNew<typeof deliverNotifications>(channel);
    if (nextAt === null) continue;
    const nextAttempt = `Next delivery attempt at ${utcText(nextAt)}`;
    setCurrentDetails(nextAttempt);
    await wakeup.waitUntil(nextAt, nextAttempt);
  }
}
