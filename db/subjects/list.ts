import type { Outcome } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { positionOutcome } from './outcome.ts';
import { readRequestRow } from '../requests/row.ts';

/** What became of one submitted identity; the subjects of a segment, or of everyone, are numbered as if submitted. */
export interface SubjectEntry {
  readonly position: number;
  /** Of an uploaded file. */
  readonly line: number | null;
  readonly type: string;
  /** Only until the request ends: then identities have left the ledger. */
  readonly value: readonly string[] | null;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly duplicateOf: number | null;
  /** How many other identities it pulled in, and the first hundred of them. */
  readonly identityCount: number;
  readonly identities: readonly PulledIn[];
}
export interface PulledIn {
  readonly type: string;
  readonly value: readonly string[];
  readonly origin: 'key' | 'submitted' | 'identity' | 'alias';
  readonly shared: boolean;
}

const IDENTITIES_SHOWN = 100;

export async function listSubjects(
  queries: Queries,
  page: { readonly requestId: string; readonly after: number; readonly limit: number },
): Promise<readonly SubjectEntry[]> {
  const { requestId, after, limit } = page;
  const { project } = await readRequestRow(queries, requestId);
  return queries<SubjectEntry[]>`
    WITH entry AS (
      SELECT position, line, type, value, outcome, reason, duplicate_of, withdrawn_at,
             ARRAY(SELECT seq FROM lethe.matches
                   WHERE matches.request_id = ${requestId} AND matches.position = submitted_identities.position) AS seqs
      FROM lethe.submitted_identities WHERE request_id = ${requestId} AND position > ${after} ORDER BY position LIMIT ${limit})
    SELECT position, line, type, value, reason, duplicate_of, identity_count, identities,
           ${positionOutcome({ requestId, project })} AS outcome
    FROM entry
    CROSS JOIN LATERAL (
      SELECT count(*) AS identity_count,
             coalesce(jsonb_agg(jsonb_build_object('type', pulled.type, 'value', pulled.value, 'origin', origin, 'shared', shared)
                                ORDER BY seq, number) FILTER (WHERE number <= ${IDENTITIES_SHOWN}), '[]') AS identities
      FROM (SELECT *, row_number() OVER (ORDER BY seq, origin, type, value) AS number
            FROM lethe.subject_identities named
            WHERE named.request_id = ${requestId} AND named.seq = ANY(entry.seqs) AND entry.outcome IS DISTINCT FROM 'duplicate'
              AND (named.type, named.value) IS DISTINCT FROM (entry.type, entry.value)) pulled) pulled_in
    ORDER BY position`;
}
