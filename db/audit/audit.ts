import type { Queries, Transaction } from '../client.ts';

export { LETHE } from '../../domain/vocabulary.ts';

/** `noun.past_verb`. `detail` holds positions, ranges, counts, codes, references: never an identity. */
export interface AuditEvent {
  readonly at: Date;
  readonly project: string;
  readonly requestId: string | null;
  readonly actor: string;
  readonly action: `${string}.${string}`;
  readonly detail: Readonly<Record<string, string | number | boolean | null | readonly number[]>>;
}

/** Only inside the transaction that does what it tells of: a fact and its record are committed together or not at all. */
export async function recordAudit(tx: Transaction, event: AuditEvent): Promise<void> {
  await tx`INSERT INTO lethe.audit_events (at, project, request_id, actor, action, detail)
    VALUES (${event.at}, ${event.project}, ${event.requestId}, ${event.actor}, ${event.action}, ${tx.json(event.detail)})`;
}

/** Raises the request's wake version in the transaction of the change; whoever called then signals (rule 2). */
export async function raiseWake(tx: Queries, requestIds: readonly string[]): Promise<void> {
  await tx`UPDATE lethe.requests SET wake_version = wake_version + 1
    WHERE id = ANY(${requestIds as string[]}::text[]) AND concluded_at IS NULL`;
}
