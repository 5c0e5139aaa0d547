import type { ArchiveFacts } from '../../domain/archive.ts';
import type { AttentionCode, Status, Step, SubjectState } from '../../domain/vocabulary.ts';
import { atRisk } from './at-risk.ts';
import { type Backup, readBackups } from '../backups/read.ts';
import type { Queries } from '../client.ts';
import { readArchiveFacts } from '../exports/archive.ts';
import { heldSubjects } from '../holds/held-subjects.ts';
import { readRequestRow, type RequestRow } from './row.ts';

/** Everything that a caller sees of a request, from the rows: true with Temporal away as well. */
export interface RequestStatus extends RequestRow {
  readonly status: Status;
  readonly estimatedCompletionAt: Date;
  readonly atRisk: boolean;
  readonly failure: string | null;
  readonly subjectCount: number;
  readonly states: Readonly<Partial<Record<SubjectState, number>>>;
  readonly heldSubjects: number;
  /** The earliest run that may claim one of those that wait. */
  readonly nextClaimAt: Date | null;
  readonly attention: readonly Attention[];
  readonly words: readonly ProcessorWord[];
  /** Empty of what hides nobody (rule 16). */
  readonly notHiddenIn: readonly string[];
  readonly skipped: readonly { readonly processor: string; readonly reason: string | null; readonly at: string }[];
  readonly confirmedBy: string | null;
  readonly confirmedCount: number | null;
  /** Of each processor that was counted; `tables` null: it cannot say. */
  readonly counts: readonly ProcessorCount[];
  /** How many exceptions there are, and which of them matched nobody. */
  readonly excepted: number;
  readonly unmatched: readonly number[];
  /** Of an export that is, or was, ready. */
  readonly archive: ArchiveFacts | null;
  /** Of a deletion that exports first. */
  readonly backups: readonly Backup[];
}
export interface ProcessorCount {
  readonly processor: string;
  readonly tables: readonly { readonly table: string; readonly rows: number }[] | null;
}
export interface Attention {
  readonly processor: string;
  readonly step: Step;
  readonly code: AttentionCode;
  readonly since: string;
  /** When it is tried again without an operator. */
  readonly retryAt: string | null;
}
/** What a processor that cannot be read has said so far. */
export interface ProcessorWord {
  readonly processor: string;
  readonly level: 'attested' | 'none';
  readonly saidAt: string | null;
}

/** Throws `request_not_found`. Instants inside JSON arrive as text. */
export async function readRequestStatus(queries: Queries, requestId: string, now: Date): Promise<RequestStatus> {
  const request = await readRequestRow(queries, requestId);
  const [row] = await queries<Omit<RequestStatus, keyof RequestRow | 'archive' | 'backups'>[]>`
    WITH subject AS (
      SELECT state, hard_delete_at,
             state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled') AND (request_id, seq) IN (${heldSubjects(request.project)}) AS held
      FROM lethe.subjects WHERE request_id = ${requestId}),
    counted AS (
      SELECT coalesce(jsonb_object_agg(state, number), '{}') AS states, coalesce(sum(number), 0)::bigint AS subject_count,
             coalesce(sum(held), 0)::bigint AS held_subjects, min(next_claim_at) AS next_claim_at
      FROM (SELECT state, count(*) AS number, count(*) FILTER (WHERE held) AS held,
                   min(hard_delete_at) FILTER (WHERE state IN ('resolved', 'soft_deleted', 'scheduled', 'attached')) AS next_claim_at
            FROM subject GROUP BY state) by_state)
    SELECT estimated_completion_at, ${atRisk(now)} AS at_risk, failure, confirmed_by, confirmed_count, counted.*,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('processor', processor, 'tables', tables) ORDER BY processor), '[]')
       FROM lethe.request_counts WHERE request_id = ${requestId}) AS counts,
      (SELECT count(*) FROM lethe.excepted_identities WHERE request_id = ${requestId}) AS excepted,
      ARRAY(SELECT number FROM lethe.excepted_identities WHERE request_id = ${requestId} AND NOT matched ORDER BY number) AS unmatched,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('processor', processor, 'step', step, 'code', code, 'since', since,
                'retryAt', retry_at) ORDER BY since, processor), '[]')
       FROM (SELECT processor, step, code, min(since) AS since, min(retry_at) AS retry_at FROM lethe.attention
             WHERE request_id = ${requestId} GROUP BY processor, step, code) grouped) AS attention,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('processor', processor, 'level', level, 'saidAt', said_at) ORDER BY processor), '[]')
       FROM (SELECT processor, CASE WHEN bool_or(state = 'unverified') THEN 'none' ELSE 'attested' END AS level, max(verified_at) AS said_at
             FROM lethe.batch_work WHERE request_id = ${requestId} AND state IN ('attested', 'unverified') GROUP BY processor) said) AS words,
      (SELECT coalesce(jsonb_agg(processor ORDER BY processor), '[]') FROM lethe.processor_visibility
       WHERE request_id = ${requestId} AND scope = 'data' AND (NOT hides OR (skipped_at IS NOT NULL AND applied_generation = 0))) AS not_hidden_in,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('processor', processor, 'reason', skip_reason, 'at', skipped_at) ORDER BY skipped_at), '[]')
       FROM lethe.processor_visibility WHERE request_id = ${requestId} AND skipped_at IS NOT NULL) AS skipped
    FROM lethe.requests, counted WHERE id = ${requestId}`;
  if (row === undefined) throw new Error('a request that was just read is there');
  const archive = request.kind === 'export' ? await readArchiveFacts(queries, requestId) : null;
  const backups = request.exportFirst ? await readBackups(queries, requestId) : [];
  return { ...request, ...row, archive, backups };
}
