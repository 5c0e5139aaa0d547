import { and, isNull, sql } from 'drizzle-orm';
import type { RequestKind } from '../../domain/vocabulary.ts';
import type { Queries, Transaction } from '../client.ts';
import { auditEvents } from '../schema/audit.ts';
import { requests } from '../schema/requests.ts';
import { DISPATCHED_SOON } from '../schema/lethe.ts';
import { textArray } from '../sql.ts';
import { reportEvent } from './events.ts';

export { LETHE } from '../../domain/vocabulary.ts';

/** An event for the audit log. `detail` contains positions, ranges, counts, codes and references, never an identity. */
export interface AuditEvent extends Readonly<Omit<typeof auditEvents.$inferSelect, 'id' | 'action'>> {
  /** `noun.past_verb` */
  readonly action: `${string}.${string}`;
}

/**
 * Records an event. Must run in the transaction of the change, so that both commit or neither does. The process logs the
 * event after the commit.
 */
export async function recordAudit(tx: Transaction, event: AuditEvent): Promise<void> {
  const kind = sql<RequestKind | null>`(SELECT kind FROM ${requests} WHERE id = ${event.requestId})`;
  const [recorded] = await tx.insert(auditEvents).values(event).returning({ kind });
  const { action, project, requestId, detail } = event;
  reportEvent(tx, { action, project, requestId, kind: recorded?.kind ?? null, detail });
}

/**
 * Increments `wake_version` in the transaction of a change. The caller signals the workflows afterwards, and the dispatcher
 * repeats a lost signal (rule 2).
 */
export async function raiseWake(tx: Queries, requestIds: readonly string[]): Promise<void> {
  await tx
    .update(requests)
    .set({ wakeVersion: sql`${requests.wakeVersion} + 1`, dispatchAt: DISPATCHED_SOON })
    .where(and(sql`${requests.id} = ANY(${textArray(requestIds)})`, isNull(requests.concludedAt)));
}
