import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { blockedSteps } from '../attention/waits.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Queries, Transaction } from '../client.ts';
import { isUnconfirmed, type RequestRow } from '../requests/row.ts';
import { suppressions, suppressionSystems } from '../schema/holds.ts';
import { matches, subjects, submittedIdentities } from '../schema/subjects.ts';
import { systemVisibility } from '../schema/work.ts';
import { textArray } from '../sql.ts';

/** The suppressions that a deletion still has to place (rule 23). */
export interface SuppressionState {
  /** Subjects whose suppression is due and not stored yet. */
  readonly isDue: boolean;
  /** Whether a stored suppression is missing in a system. */
  readonly isPending: boolean;
  /** Systems that lack a suppression and need no operator first. */
  readonly systems: readonly string[];
  /** When the next suppression of a subject that no system holds is due. */
  readonly nextAt: Date | null;
}

const NONE: SuppressionState = { isDue: false, isPending: false, systems: [], nextAt: null };

/**
 * Marks suppressions as placed that every system of the request has, except skipped ones and those that cannot suppress,
 * and returns what is left to do.
 * Runs under the project lock.
 */
export async function settleSuppressions(
  tx: Transaction,
  request: RequestRow,
  input: { readonly configured: readonly string[]; readonly withoutSuppression?: readonly string[]; readonly at: Date },
): Promise<SuppressionState> {
  if (!request.suppress || request.concludedAt !== null) return NONE;
  const { id: requestId, project, systems } = request;
  const { at, withoutSuppression = [] } = input;
  const configured = input.configured.filter((name) => !withoutSuppression.includes(name));
  const known = [...new Set([...Object.keys(systems ?? {}), ...configured])];
  const lacking = sql`
    SELECT suppressions.id, required.system FROM ${suppressions}, unnest(${textArray(known)}) AS required (system)
    WHERE suppressions.request_id = ${requestId} AND propagated_at IS NULL
      AND required.system NOT IN (SELECT system FROM ${systemVisibility} WHERE request_id = ${requestId} AND (skipped_at IS NOT NULL OR NOT suppresses))
      AND NOT EXISTS (SELECT FROM ${suppressionSystems} applied
                      WHERE applied.suppression_id = suppressions.id AND applied.system = required.system)`;
  const placed = await tx
    .update(suppressions)
    .set({ propagatedAt: at })
    .where(
      and(
        eq(suppressions.requestId, requestId),
        isNull(suppressions.propagatedAt),
        sql`${suppressions.id} NOT IN (SELECT id FROM (${lacking}) lacking)`,
      ),
    )
    .returning({ id: suppressions.id });
  for (const { id } of placed) {
    const detail = { suppression: id };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'suppression.placed', detail });
  }
  const left = await tx.execute<{ system: string; ready: boolean }>(sql`
    SELECT DISTINCT system, NOT EXISTS (
             SELECT FROM ${blockedSteps} WHERE attention.request_id = ${requestId} AND attention.system = lacking.system
               AND step = 'suppress' AND coalesce(retry_at > ${at}, true)) AS ready
    FROM (${lacking}) lacking ORDER BY system`);
  const [due] = await tx.execute<{ isDue: boolean; nextAt: Date | null }>(sql`
    SELECT EXISTS (${unsuppressed(request, at)}) AS is_due,
           (SELECT min(hard_delete_at) FROM (${absentToSuppress(request)}) absent WHERE hard_delete_at > ${at}) AS next_at`);
  return {
    isDue: due?.isDue === true,
    isPending: left.length > 0,
    systems: left.filter(({ ready, system }) => ready && configured.includes(system)).map(({ system }) => system),
    nextAt: due?.nextAt ?? null,
  };
}

/**
 * Selects the subjects to suppress that have no suppression yet. A subject that no system holds is suppressed at its run,
 * or when the request ends, because it can be cancelled until then.
 */
export const unsuppressed = (request: RequestRow, at: Date): SQL => sql`
  SELECT seq FROM ${subjects}
  WHERE request_id = ${request.id} AND state IN ('deleted', 'partially_deleted') AND suppression_id IS NULL
  UNION ALL
  SELECT seq FROM (${absentToSuppress(request)}) absent
  WHERE hard_delete_at <= ${at} OR NOT EXISTS (
    SELECT FROM ${subjects} WHERE request_id = ${request.id}
      AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed', 'cancelling', 'attached'))`;

/** Selects the subjects that no system holds, that were not cancelled, and that have no suppression yet. */
export const absentToSuppress = (request: RequestRow): SQL => sql`
  SELECT seq, hard_delete_at FROM ${subjects}
  WHERE request_id = ${request.id} AND state = 'not_found' AND suppression_id IS NULL AND NOT ${isUnconfirmed(request)}
    AND EXISTS (
      SELECT FROM ${matches} JOIN ${submittedIdentities} submitted USING (request_id, position)
      WHERE matches.request_id = ${request.id} AND matches.seq = subjects.seq AND withdrawn_at IS NULL
        AND outcome IS DISTINCT FROM 'invalid')`;

/** How far the suppressions of a request are. */
export interface SuppressionSummary {
  /** Subjects whose suppression every system has, except skipped ones. */
  readonly placed: number;
  /** Subjects that are not suppressed yet, because they are not deleted or a system lacks the suppression. */
  readonly pending: number;
  /** Systems that lack a suppression: unavailable ones, skipped ones, and those that cannot suppress. */
  readonly missingIn: readonly string[];
}

/** Summarizes the suppressions of a request. Null if it leaves none. */
export async function summarizeSuppressions(
  queries: Queries,
  { id: requestId, suppress }: Pick<RequestRow, 'id' | 'suppress'>,
): Promise<SuppressionSummary | null> {
  if (!suppress) return null;
  const [row] = await queries.execute<SuppressionSummary & Record<string, unknown>>(sql`
    SELECT count(*) FILTER (WHERE propagated_at IS NOT NULL) AS placed,
           count(*) FILTER (WHERE propagated_at IS NULL AND (suppression_id IS NOT NULL
             OR state NOT IN ('cancelling', 'cancelled', 'not_found'))) AS pending,
           ARRAY(SELECT DISTINCT system FROM ${systemVisibility}, ${suppressions} opened
                 WHERE system_visibility.request_id = ${requestId} AND opened.request_id = ${requestId} AND NOT EXISTS (
                   SELECT FROM ${suppressionSystems} applied
                   WHERE applied.suppression_id = opened.id AND applied.system = system_visibility.system)
                 ORDER BY system) AS missing_in
    FROM ${subjects} LEFT JOIN ${suppressions} ON suppressions.id = subjects.suppression_id AND suppressions.request_id = ${requestId}
    WHERE subjects.request_id = ${requestId}`);
  return row ?? { placed: 0, pending: 0, missingIn: [] };
}
