import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';
import { manualTasks } from '../schema/tasks.ts';
import { activeSecrets } from './webhook-secrets.ts';
import type { Delivery } from './due.ts';

/** Reads the address of a mail. Null if the delivery has ended. */
export async function recipientOf(queries: Queries, { id }: Delivery): Promise<string | null> {
  const [row] = await queries
    .select({ recipient: deliveries.recipient })
    .from(deliveries)
    .where(and(eq(deliveries.id, id), isNull(deliveries.endedAt)));
  return row?.recipient ?? null;
}

/** Reads the URL and the signing secrets of a webhook. Null if the delivery has ended or the webhook is not active. */
export async function receiverOf(
  queries: Queries,
  keys: DigestKeys,
  { id, channel }: Delivery,
  at: Date,
): Promise<{ readonly url: string; readonly secrets: readonly string[] } | null> {
  const [row] = await queries
    .select({ url: webhooks.url })
    .from(deliveries)
    .innerJoin(webhooks, eq(webhooks.id, deliveries.channel))
    .where(
      and(eq(deliveries.id, id), isNull(deliveries.endedAt), isNull(webhooks.disabledAt), isNull(webhooks.removedAt)),
    );
  if (row === undefined) return null;
  const secrets = await activeSecrets(queries, keys, channel, at);
  // Without secrets the webhook was removed between the two statements. Null prevents an unsigned call.
  return secrets.length === 0 ? null : { url: row.url, secrets };
}

/** What a notification says about its task. */
export type NotifiedTask = Readonly<
  Pick<typeof manualTasks.$inferSelect, 'id' | 'system' | 'dueAt' | 'instruction'> & { subjects: number }
>;

/** Reads the task of a notification. Null for a change of a status. */
export async function taskOf(queries: Queries, { taskId }: Delivery): Promise<NotifiedTask | null> {
  if (taskId === null) return null;
  const { id, system, dueAt, instruction, seqs } = manualTasks;
  const [task] = await queries
    .select({ id, system, dueAt, instruction, subjects: sql<number>`cardinality(${seqs})` })
    .from(manualTasks)
    .where(eq(id, taskId));
  return task ?? null;
}
