import { and, eq, lt, sql, type SQL } from 'drizzle-orm';
import type { RequestKey, SystemKey } from '../../domain/ids.ts';
import { blockedSteps } from '../attention/waits.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { suppressions } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';
import { foreignIds, matches, subjectIdentities, subjects, submittedIdentities } from '../schema/subjects.ts';
import { blockedSubjects, rangeTickets, systemVisibility } from '../schema/work.ts';
import { absentToSuppress } from '../suppressions/settle.ts';
import { transaction } from '../transaction.ts';

/** What a request with open subjects still has to purge of the others (rule 14). */
export interface PurgeState {
  /** Subjects are final, and the ledger has their identities in clear. */
  readonly isDue: boolean;
  /** Systems that have identities of purged subjects and need no operator first. */
  readonly systems: readonly string[];
  /** When the next subjects that were not deleted are purged. */
  readonly nextAt: Date | null;
}

/** Reads what is to be purged at `at`. Runs under the project lock. */
export async function readPurgeState(
  tx: Transaction,
  request: RequestRow,
  { configured, at }: { readonly configured: readonly string[]; readonly at: Date },
): Promise<PurgeState> {
  const { id: requestId } = request;
  const [due] = await tx.execute<Omit<PurgeState, 'systems'>>(sql`
    SELECT EXISTS (${finished(request, at)}) AS is_due,
           (SELECT min(hard_delete_at) FROM ${subjects}
            WHERE request_id = ${requestId} AND purge_generation IS NULL AND state IN ('not_found', 'cancelled')
              AND hard_delete_at > ${at}) AS next_at`);
  const left = await tx.execute<{ system: string }>(sql`
    SELECT system FROM ${systemVisibility}
    WHERE request_id = ${requestId} AND skipped_at IS NULL
      AND purged_generation < (SELECT max(purge_generation) FROM ${subjects} WHERE request_id = ${requestId})
      AND NOT EXISTS (
        SELECT FROM ${blockedSteps} WHERE attention.request_id = ${requestId} AND attention.system = system_visibility.system
          AND step = 'conclude' AND coalesce(retry_at > ${at}, true))
    ORDER BY system`);
  const systems = left.map(({ system }) => system).filter((name) => configured.includes(name));
  return { isDue: due?.isDue === true, systems, nextAt: due?.nextAt ?? null };
}

/**
 * Selects the subjects for which nothing more is done: all systems have verified their batch, or they were not deleted and
 * their run has passed. Without those that systems still have to suppress. A batch is purged as a whole, except blocked
 * subjects, because its ranges are counted from the subjects that a system stores.
 */
const finished = (request: RequestRow, at: Date): SQL => sql`
  SELECT seq FROM ${subjects}
  WHERE request_id = ${request.id} AND purge_generation IS NULL
    AND CASE WHEN batch IS NULL THEN
          state IN ('deleted', 'partially_deleted') OR (state IN ('not_found', 'cancelled') AND hard_delete_at <= ${at})
        ELSE batch IN (SELECT batch FROM ${subjects} WHERE request_id = ${request.id} AND batch IS NOT NULL
                       GROUP BY batch HAVING bool_and(state = 'claimed' OR ${isSuppressed(request)}))
          AND state IN ('deleted', 'partially_deleted') END
    AND ${isSuppressed(request)}
    AND seq NOT IN (
      SELECT seq FROM ${blockedSubjects} WHERE request_id = ${request.id} AND cancelled_at IS NOT NULL
        AND batch IN (SELECT batch FROM ${subjects} WHERE request_id = ${request.id} AND state = 'claimed'))`;

/** Whether no suppression of the subject is left to place. */
const isSuppressed = (request: RequestRow): SQL =>
  request.suppress
    ? sql`CASE state
        WHEN 'cancelled' THEN true
        WHEN 'not_found' THEN seq NOT IN (SELECT seq FROM (${absentToSuppress(request)}) absent)
          AND (suppression_id IS NULL OR ${isPropagated})
        ELSE ${isPropagated} END`
    : sql`true`;

const isPropagated = sql`EXISTS (SELECT FROM ${suppressions} WHERE id = suppression_id AND propagated_at IS NOT NULL OFFSET 0)`;

/**
 * Erases the identities of finished subjects, their foreign ids, and the submitted values that name no other subject. Digests, positions and
 * outcomes remain. The systems purge next. Idempotent.
 */
export async function purgeSubjects(
  database: Database,
  { requestId, at }: RequestKey & { readonly at: Date },
): Promise<void> {
  await transaction(database, async (tx) => {
    await tx.select({ id: requests.id }).from(requests).where(eq(requests.id, requestId)).for('update');
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null) return;
    const { count } = await tx
      .update(subjects)
      .set({ purgeGeneration: sql`(SELECT nextval('lethe.visibility_generation'))` })
      .where(and(eq(subjects.requestId, requestId), sql`${subjects.seq} IN (${finished(request, at)})`));
    if (count === 0) return;
    await tx.execute(sql`
      UPDATE ${subjectIdentities} identity SET value = NULL, canonical = NULL FROM ${subjects} subject
      WHERE identity.request_id = ${requestId} AND subject.request_id = ${requestId} AND subject.seq = identity.seq
        AND subject.purge_generation IS NOT NULL AND identity.value IS NOT NULL`);
    await tx.execute(sql`
      WITH named AS (
        SELECT position FROM ${matches} JOIN ${subjects} USING (request_id, seq)
        WHERE request_id = ${requestId} GROUP BY position HAVING bool_and(purge_generation IS NOT NULL))
      UPDATE ${submittedIdentities} submitted SET value = NULL, canonical = NULL FROM named
      WHERE request_id = ${requestId} AND submitted.position = named.position AND value IS NOT NULL`);
    await tx.execute(sql`
      DELETE FROM ${foreignIds} USING ${subjects} subject
      WHERE foreign_ids.request_id = ${requestId} AND subject.request_id = ${requestId} AND subject.seq = foreign_ids.seq
        AND subject.purge_generation IS NOT NULL`);
    await tx.execute(sql`
      DELETE FROM ${rangeTickets} WHERE request_id = ${requestId} AND NOT EXISTS (
        SELECT FROM ${subjects} WHERE request_id = ${requestId} AND subjects.batch = range_tickets.batch
          AND seq BETWEEN first_seq AND last_seq AND purge_generation IS NULL)`);
    const { project } = request;
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'subjects.purged', detail: { count } });
  });
}

/** Reads the purged subjects whose identities a system has not purged yet, and the generation of the last of them. */
export async function readSubjectsToPurge(
  queries: Queries,
  { requestId, system }: SystemKey,
): Promise<{ readonly generation: number; readonly seqs: readonly number[] }> {
  const [row] = await queries.execute<{ generation: number; seqs: readonly number[] }>(sql`
    SELECT coalesce(max(purge_generation), 0) AS generation, coalesce(array_agg(seq ORDER BY seq), '{}') AS seqs
    FROM ${subjects}
    WHERE request_id = ${requestId} AND purge_generation > (
      SELECT purged_generation FROM ${systemVisibility} WHERE request_id = ${requestId} AND system = ${system})`);
  return row ?? { generation: 0, seqs: [] };
}

/** Records that a system has purged all subjects up to a generation. Idempotent. */
export async function recordPurged(
  database: Database,
  { requestId, system }: SystemKey,
  generation: number,
): Promise<void> {
  const { purgedGeneration } = systemVisibility;
  await database
    .update(systemVisibility)
    .set({ purgedGeneration: generation })
    .where(
      and(
        eq(systemVisibility.requestId, requestId),
        eq(systemVisibility.system, system),
        lt(purgedGeneration, generation),
      ),
    );
}
