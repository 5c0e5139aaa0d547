import { type SQL, sql } from 'drizzle-orm';
import type { Outcome } from '../../domain/vocabulary.ts';
import { isHeld } from '../holds/held-subjects.ts';
import { matches, subjects, submittedIdentities } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** Outcomes from the least to the most advanced. An identity with several subjects has the least advanced of theirs. */
const ADVANCE: readonly Outcome[] = [
  'unknown',
  'matched',
  'held',
  'soft_deleted',
  'attached',
  'cancelled',
  'partially_deleted',
  'deleted',
  'left_out',
  'exported',
  'not_found',
];

/**
 * An expression for the outcome of one subject, `subject` in the outer statement. A subject that no system has reported yet
 * is `unknown`. A claimed subject is `soft_deleted` until its deletion is verified.
 */
export const subjectOutcome = (project: string): SQL => sql`
  CASE WHEN subject.state IN ('proposed', 'resolved', 'selected') AND NOT subject.known AND subject.present IS NOT TRUE THEN 'unknown'
       WHEN subject.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')
            AND ${isHeld(project, 'subject')} THEN 'held'
       WHEN subject.state IN ('proposed', 'resolved', 'scheduled', 'selected') OR (subject.state = 'claimed' AND subject.scope <> 'data')
            THEN 'matched'
       WHEN subject.state IN ('soft_deleted', 'claimed', 'cancelling') THEN 'soft_deleted'
       ELSE subject.state END`;

/** An aggregate expression for the least advanced of several outcomes. */
export const leastAdvanced = (outcome: SQL): SQL => sql`
  (${textArray(ADVANCE)})[min(array_position(${textArray(ADVANCE)}, ${outcome}))]`;

/**
 * An expression for the outcome of one submitted identity, `entry` in the outer statement: its stored outcome if that
 * is final, otherwise the outcome of its subjects.
 */
export const positionOutcome = (request: { readonly requestId: string; readonly project: string }): SQL => sql`
  CASE WHEN entry.outcome IN ('invalid', 'duplicate', 'already_deleted') THEN entry.outcome
       ELSE coalesce((SELECT ${leastAdvanced(subjectOutcome(request.project))}
                      FROM ${matches} CROSS JOIN LATERAL (
                        SELECT * FROM ${subjects}
                        WHERE subjects.request_id = ${request.requestId} AND subjects.seq = matches.seq OFFSET 0) subject
                      WHERE matches.request_id = ${request.requestId} AND matches.position = entry.position),
                     CASE WHEN entry.withdrawn_at IS NULL THEN entry.outcome ELSE 'cancelled' END) END`;

/** The failure of a request that found nothing, because no identity names one subject. */
export const NO_VALID_IDENTITY = 'no_valid_identity';

/** Whether an identity of the request names several subjects, or all of them are invalid. Then nothing was searched for. */
export const hasNoValidIdentity = (requestId: string): SQL<boolean> => sql`
  EXISTS (SELECT FROM ${submittedIdentities} WHERE request_id = ${requestId} AND outcome = 'invalid' AND withdrawn_at IS NULL)
  AND (SELECT coalesce(bool_or(reason = 'ambiguous'), false) OR bool_and(coalesce(outcome IN ('invalid', 'duplicate'), false))
       FROM ${submittedIdentities} WHERE request_id = ${requestId} AND withdrawn_at IS NULL)`;
