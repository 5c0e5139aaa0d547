import { continueAsNew } from '@temporalio/workflow';
import type { TellingInput } from './shared/messages.ts';
import { outside } from './shared/proxies.ts';
import { watch } from './shared/wakeup.ts';

/**
 * Tells one receiver what has changed: one webhook, or whoever gets a project's mail. The rows say what is due and when
 * what failed is tried again; this sleeps until then, and ends when there is nothing left. Whoever has something new to
 * tell starts it, or wakes it.
 */
export async function telling(channel: TellingInput): Promise<void> {
  const waiting = watch();
  for (;;) {
    waiting.reset();
    const { nextAt } = await outside.deliverDue({ ...channel, asOf: Date.now() });
    if (nextAt === null && !waiting.woken()) return;
    if (waiting.tired()) await continueAsNew<typeof telling>(channel);
    if (nextAt !== null) await waiting.until(nextAt, 'the next attempt');
  }
}
