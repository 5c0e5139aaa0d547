import { eq, sql } from 'drizzle-orm';
import type { ArchiveFacts } from '../../domain/archive.ts';
import type { BlockedBy } from '../../domain/request-state.ts';
import type { SubjectState, VerificationLevel, WaitReason } from '../../domain/vocabulary.ts';
import { explainedWaits } from '../attention/waits.ts';
import { selectBlocked } from '../attention/blocked.ts';
import { type Backup, readBackups } from '../backups/read.ts';
import type { Queries } from '../client.ts';
import { readArchiveFacts } from '../exports/archive.ts';
import { heldSubjects } from '../holds/held-subjects.ts';
import { requestCounts, requests } from '../schema/requests.ts';
import { exceptedIdentities, subjects } from '../schema/subjects.ts';
import { attention, batchWork, systemVisibility } from '../schema/work.ts';
import { type SuppressionSummary, summarizeSuppressions } from '../suppressions/settle.ts';
import { atRisk } from './forecast.ts';
import type { RequestRow } from './row.ts';

/**
 * The status of a request as callers see it. Read from the ledger only, so it is correct while Temporal is unavailable.
 */
export interface RequestStatus extends RequestRow, Computed {
  /** Null unless the request is an export that is or was ready. */
  readonly archive: ArchiveFacts | null;
  /** Empty unless the request is a deletion that exports first. */
  readonly backups: readonly Backup[];
  /** Null unless the request is a deletion that leaves a suppression. */
  readonly suppression: SuppressionSummary | null;
}
// A type instead of an interface, because `execute` requires an index signature.
type Computed = Readonly<{
  atRisk: boolean;
  subjectCount: number;
  states: Readonly<Partial<Record<SubjectState, number>>>;
  heldSubjects: number;
  /** The earliest run that may claim one of the waiting subjects. */
  nextClaimAt: Date | null;
  attention: readonly Attention[];
  waits: readonly Wait[];
  statements: readonly SystemStatement[];
  /**
   * Systems that cannot hide the subjects, or were skipped before. Empty for requests that hide no subjects (rule 16).
   */
  notHiddenIn: readonly string[];
  skipped: readonly { readonly system: string; readonly reason: string | null; readonly at: string }[];
  /** The counts of the dry run, one per system. */
  counts: readonly SystemCount[];
  /** The proposed subjects that no system has reported yet, and that may not exist. */
  unknownSubjects: number;
  /** The number of exceptions. */
  excepted: number;
  /** The numbers of the exceptions that matched no subject. */
  unmatched: readonly number[];
}>;
/** The rows of one system on the proposed subjects. `tables` is null if the system cannot count. */
export type SystemCount = Readonly<Pick<typeof requestCounts.$inferSelect, 'system' | 'tables'>>;
/** A step that needs an operator. */
export interface Attention extends Readonly<Pick<typeof attention.$inferSelect, 'system' | 'step' | 'code'>> {
  readonly since: string;
  /** When the step is retried automatically. Null if only an operator can retry it. */
  readonly retryAt: string | null;
  /** What prevents the deletion of subjects. Empty unless the code is `blocked_by_other_rows`. */
  readonly blocked: readonly BlockedBy[];
}
/** What steps wait for that continue without an operator. Timestamps are text. */
export interface Wait {
  readonly system: string;
  readonly reason: WaitReason;
  readonly since: string;
  readonly until: string | null;
}
/** The positions that one entry of `blocked` lists. */
const MAX_LISTED_POSITIONS = 1_000;

/** The latest statement of a system that Lethe cannot verify by reading its data (rule 15). */
export interface SystemStatement {
  readonly system: string;
  readonly level: Exclude<VerificationLevel, 'reads'>;
  readonly saidAt: string | null;
}

/** Reads the status of a request. Timestamps inside JSON values are text. */
export async function readRequestStatus(queries: Queries, request: RequestRow, now: Date): Promise<RequestStatus> {
  const requestId = request.id;
  const [row] = await queries.execute<Computed>(sql`
    WITH held AS MATERIALIZED (${heldSubjects(request.project, requestId)}),
    subject AS (
      SELECT state, hard_delete_at, state = 'proposed' AND NOT known AND present IS NOT TRUE AS is_unknown,
             state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled') AND held.seq IS NOT NULL AS held
      FROM ${subjects} LEFT JOIN held ON held.seq = subjects.seq WHERE request_id = ${requestId}),
    counted AS (
      SELECT coalesce(jsonb_object_agg(state, number), '{}') AS states, coalesce(sum(number), 0)::bigint AS subject_count,
             coalesce(sum(held), 0)::bigint AS held_subjects, min(next_claim_at) AS next_claim_at,
             coalesce(sum(unknown), 0)::bigint AS unknown_subjects
      FROM (SELECT state, count(*) AS number, count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE is_unknown) AS unknown,
                   min(hard_delete_at) FILTER (WHERE state IN ('resolved', 'soft_deleted', 'scheduled', 'attached')) AS next_claim_at
            FROM subject GROUP BY state) by_state)
    SELECT ${atRisk(now)} AS at_risk, counted.*,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('system', system, 'tables', tables) ORDER BY system), '[]')
       FROM ${requestCounts} WHERE request_id = ${requestId}) AS counts,
      (SELECT count(*) FROM ${exceptedIdentities} WHERE request_id = ${requestId}) AS excepted,
      ARRAY(SELECT number FROM ${exceptedIdentities} WHERE request_id = ${requestId} AND NOT matched ORDER BY number) AS unmatched,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('system', system, 'step', step, 'code', code, 'since', since,
                'retryAt', retry_at, 'blocked', CASE code WHEN 'blocked_by_other_rows' THEN coalesce(blocked, '[]') ELSE '[]' END)
                ORDER BY since, system), '[]')
       FROM (SELECT system, step, code, min(since) AS since, min(retry_at) AS retry_at FROM ${attention}
             WHERE request_id = ${requestId} GROUP BY system, step, code) grouped
       LEFT JOIN (${selectBlocked(requestId, MAX_LISTED_POSITIONS)}) blocked_by USING (system)) AS attention,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('system', system, 'reason', reason, 'since', since, 'until', until) ORDER BY system, reason), '[]')
       FROM (SELECT system, reason, min(since) AS since, min(until) AS until FROM ${explainedWaits}
             WHERE request_id = ${requestId} GROUP BY system, reason) waiting) AS waits,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('system', system, 'level', level, 'saidAt', said_at) ORDER BY system), '[]')
       FROM (SELECT system, CASE WHEN bool_or(state = 'unverified') THEN 'none' WHEN bool_or(attested_by = 'person') THEN 'person' ELSE 'attested' END AS level, max(verified_at) AS said_at
             FROM ${batchWork} WHERE request_id = ${requestId} AND state IN ('attested', 'unverified') GROUP BY system) statement) AS statements,
      (SELECT coalesce(jsonb_agg(system ORDER BY system), '[]') FROM ${systemVisibility}
       WHERE request_id = ${requestId} AND scope = 'data' AND (NOT hides OR (skipped_at IS NOT NULL AND applied_generation = 0))) AS not_hidden_in,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('system', system, 'reason', skip_reason, 'at', skipped_at) ORDER BY skipped_at), '[]')
       FROM ${systemVisibility} WHERE request_id = ${requestId} AND skipped_at IS NOT NULL) AS skipped
    FROM ${requests}, counted WHERE ${eq(requests.id, requestId)}`);
  if (row === undefined) throw new Error('the row of the request is missing');
  const archive = request.kind === 'export' ? await readArchiveFacts(queries, requestId) : null;
  const backups = request.exportFirst ? await readBackups(queries, requestId) : [];
  const suppression = await summarizeSuppressions(queries, request);
  return { ...request, ...row, archive, backups, suppression };
}
