import { sql } from 'drizzle-orm';
import type { AnonymisedRows, RetainedRows } from '../../domain/batch.ts';
import type { Outcome } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { matches, subjectIdentities, submittedIdentities } from '../schema/subjects.ts';
import { positionOutcome } from './outcome.ts';
import { anonymisedOf, retainedOf } from './kept-rows.ts';

/** The outcome of one submitted identity. Subjects of a segment, or of everyone, are numbered as if submitted. */
export type SubjectEntry = Readonly<
  Pick<typeof submittedIdentities.$inferSelect, 'position' | 'line' | 'type' | 'value' | 'reason' | 'duplicateOf'> & {
    /** Null until the request is resolved. */
    outcome: Outcome | null;
    /** The rows kept of its deleted subjects, per basis. */
    retained: readonly RetainedRows[];
    /** The own rows kept of its deleted subjects with replaced values. */
    anonymised: AnonymisedRows;
    /** The number of further identities of its subjects. */
    identityCount: number;
    /** The first hundred of the further identities. */
    identities: readonly Readonly<
      Pick<typeof subjectIdentities.$inferSelect, 'type' | 'origin' | 'shared'> & { value: string[] }
    >[];
  }
>;

/** A submitted identity that matches no subject, because it is invalid or ambiguous. Without its value. */
export type FailureEntry = Readonly<
  Pick<typeof submittedIdentities.$inferSelect, 'position' | 'line' | 'type'> & { reason: string }
>;

interface Page {
  readonly requestId: string;
  readonly after: number;
  readonly limit: number;
}

const MAX_IDENTITIES = 100;

/** Lists the submitted identities of a request with their outcomes, by position. */
export async function listSubjects(
  queries: Queries,
  page: Page & { readonly project: string },
): Promise<readonly SubjectEntry[]> {
  const { requestId, project, after, limit } = page;
  return queries.execute<SubjectEntry>(sql`
    WITH entry AS (
      SELECT position, line, type, value, coalesce(canonical, value) AS canonical, outcome, reason, duplicate_of, withdrawn_at,
             ARRAY(SELECT seq FROM ${matches}
                   WHERE matches.request_id = ${requestId} AND matches.position = submitted_identities.position
                     AND submitted_identities.outcome IS DISTINCT FROM 'duplicate') AS seqs
      FROM ${submittedIdentities} WHERE request_id = ${requestId} AND position > ${after} ORDER BY position LIMIT ${limit})
    SELECT position, line, type, value, reason, duplicate_of, identity_count, identities,
           ${positionOutcome({ requestId, project })} AS outcome,
           ${retainedOf(sql`${requestId}`)} AS retained,
           ${anonymisedOf(sql`${requestId}`)} AS anonymised
    FROM entry
    CROSS JOIN LATERAL (
      SELECT count(*) AS identity_count,
             coalesce(jsonb_agg(jsonb_build_object('type', further.type, 'value', further.value, 'origin', origin, 'shared', shared)
                                ORDER BY seq, number) FILTER (WHERE number <= ${MAX_IDENTITIES}), '[]') AS identities
      FROM (SELECT *, row_number() OVER (ORDER BY seq, origin, type, value) AS number
            FROM ${subjectIdentities} identity
            WHERE identity.request_id = ${requestId} AND identity.seq = ANY(entry.seqs) AND identity.value IS NOT NULL
              AND (identity.type, coalesce(identity.canonical, identity.value)) IS DISTINCT FROM (entry.type, entry.canonical)) further) further_identities
    ORDER BY position`);
}

/** Lists the submitted identities of a request with the outcome `invalid`, by position, as long as the request exists. */
export const listFailures = (queries: Queries, { requestId, after, limit }: Page): Promise<readonly FailureEntry[]> =>
  queries.execute<FailureEntry>(sql`
    SELECT position, line, type, reason FROM ${submittedIdentities}
    WHERE request_id = ${requestId} AND outcome = 'invalid' AND reason IS NOT NULL AND position > ${after}
    ORDER BY position LIMIT ${limit}`);
