import { and, isNull, sql } from 'drizzle-orm';
import type { Queries, Transaction } from '../client.ts';
import { auditEvents } from '../schema/audit.ts';
import { requests } from '../schema/requests.ts';
import { textArray } from '../sql.ts';

export { LETHE } from '../../domain/vocabulary.ts';

/** `action` is `noun.past_verb`. `detail` holds positions, ranges, counts, codes and references; never an identity. */
export interface AuditEvent extends Readonly<Omit<typeof auditEvents.$inferSelect, 'id' | 'action'>> {
  readonly action: `${string}.${string}`;
}

/** Must run in the transaction of the change it records, so both commit or neither does. */
export async function recordAudit(tx: Transaction, event: AuditEvent): Promise<void> {
  await tx.insert(auditEvents).values(event);
}

/** Raises the wake version in the transaction of the change; the caller signals the workflow afterwards (rule 2). */
export async function raiseWake(tx: Queries, requestIds: readonly string[]): Promise<void> {
  await tx
    .update(requests)
    .set({ wakeVersion: sql`${requests.wakeVersion} + 1` })
    .where(and(sql`${requests.id} = ANY(${textArray(requestIds)})`, isNull(requests.concludedAt)));
}
