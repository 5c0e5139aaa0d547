import { type SQL, sql } from 'drizzle-orm';
import type { Outcome } from '../../domain/vocabulary.ts';
import { heldSubjects } from '../holds/held-subjects.ts';
import { matches, subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

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
export const subjectOutcome = (project: string): SQL => sql`
  CASE WHEN subject.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')
            AND (subject.request_id, subject.seq) IN (${heldSubjects(project)}) THEN 'held'
       WHEN subject.state IN ('proposed', 'resolved', 'scheduled', 'wanted') OR (subject.state = 'claimed' AND subject.scope <> 'data')
            THEN 'matched'
       WHEN subject.state IN ('soft_deleted', 'claimed', 'cancelling') THEN 'soft_deleted'
       WHEN subject.state = 'deleted' AND subject.retained THEN 'retained'
       ELSE subject.state END`;

/** The first of several outcomes that is still to be reached. */
export const leastAdvanced = (outcome: SQL): SQL => sql`
  (${textArray(ADVANCE)})[min(array_position(${textArray(ADVANCE)}, ${outcome}))]`;

/**
 * What became of one submitted identity (`entry` in the statement around it), as …/subjects lists it and the receipt
 * counts it: what it was from the first, or else where the subjects stand that it stands for.
 */
export const positionOutcome = (request: { readonly requestId: string; readonly project: string }): SQL => sql`
  CASE WHEN entry.outcome IN ('invalid', 'duplicate', 'already_deleted') THEN entry.outcome
       ELSE coalesce((SELECT ${leastAdvanced(subjectOutcome(request.project))}
                      FROM ${matches} JOIN ${subjects} subject USING (request_id, seq)
                      WHERE matches.request_id = ${request.requestId} AND matches.position = entry.position),
                     CASE WHEN entry.withdrawn_at IS NULL THEN entry.outcome ELSE 'cancelled' END) END`;
