import type { Outcome } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { heldSubjects } from '../holds/held-subjects.ts';

/** Least advanced first: an identity that stands for several subjects is only as far as the last of them. */
const ADVANCE: readonly Outcome[] = [
  'matched',
  'held',
  'soft_deleted',
  'attached',
  'cancelled',
  'partially_deleted',
  'retained',
  'deleted',
  'left_out',
  'exported',
  'not_found',
];

/**
 * What became of one subject in a caller's words, derived from its row (`subject` in the statement around it). Claimed
 * is still soft-deleted: nothing is called deleted that was not looked for again.
 */
export const subjectOutcome = (queries: Queries, project: string) => queries`
  CASE WHEN subject.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')
            AND (subject.request_id, subject.seq) IN (${heldSubjects(queries, project)}) THEN 'held'
       WHEN subject.state IN ('proposed', 'resolved', 'scheduled', 'wanted') OR (subject.state = 'claimed' AND subject.scope <> 'data')
            THEN 'matched'
       WHEN subject.state IN ('soft_deleted', 'claimed', 'cancelling') THEN 'soft_deleted'
       WHEN subject.state = 'deleted' AND subject.retained THEN 'retained'
       ELSE subject.state END`;

/** The first of several outcomes that is still to be reached. */
export const leastAdvanced = (queries: Queries, outcome: ReturnType<typeof subjectOutcome>) => queries`
  (${ADVANCE as string[]}::text[])[min(array_position(${ADVANCE as string[]}::text[], ${outcome}))]`;

/**
 * What became of one submitted identity (`entry` in the statement around it), as …/subjects lists it and the receipt
 * counts it: what it was from the first, or else where the subjects stand that it stands for.
 */
export const positionOutcome = (
  queries: Queries,
  request: { readonly requestId: string; readonly project: string },
) => queries`
  CASE WHEN entry.outcome IN ('invalid', 'duplicate', 'already_deleted') THEN entry.outcome
       ELSE coalesce((SELECT ${leastAdvanced(queries, subjectOutcome(queries, request.project))}
                      FROM lethe.matches JOIN lethe.subjects subject USING (request_id, seq)
                      WHERE matches.request_id = ${request.requestId} AND matches.position = entry.position),
                     CASE WHEN entry.withdrawn_at IS NULL THEN entry.outcome ELSE 'cancelled' END) END`;
