import { desc, sql } from 'drizzle-orm';
import type { AnonymisedRows, RetainedRows } from '../../domain/batch.ts';
import { canonicalIdentity } from '../../domain/identity-forms.ts';
import type { NamedIdentity } from '../../domain/identity.ts';
import type { Outcome, RequestKind, SubjectKind } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import type { RequestRow } from '../requests/row.ts';
import { holdDigests, holds, suppressionDigests, suppressions, suppressionSystems } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects, submittedIdentities } from '../schema/subjects.ts';
import { bytesIn, textArray } from '../sql.ts';
import { leastAdvanced, subjectOutcome } from './outcome.ts';
import { anonymisedOf, retainedOf } from './kept-rows.ts';

type LookedUpRequest = Pick<RequestRow, 'id' | 'kind' | 'status' | 'receivedAt' | 'concludedAt'> & {
  /** Null until the request is resolved. */
  readonly outcome: Outcome | null;
  /** The rows kept of the subject, per basis. */
  readonly retained: readonly RetainedRows[];
  /** The own rows kept of the subject with replaced values. */
  readonly anonymised: AnonymisedRows;
};

/** The maximum number of requests, of holds and of suppressions in the answer. */
const LIMIT = 100;

/** Finds the requests, holds and suppressions of one identity by its digest. */
export async function lookUp(
  queries: Queries,
  keys: DigestKeys,
  search: {
    readonly project: string;
    readonly kind: SubjectKind;
    readonly identity: NamedIdentity;
    /** The request kinds of the caller's token. Null for all kinds. */
    readonly kinds?: readonly RequestKind[] | null;
    /** The configured systems. */
    readonly systems: readonly string[];
  },
) {
  const { project, kind, kinds = null } = search;
  const identity = canonicalIdentity(search.identity);
  const digests = bytesIn(digestsOf(keys, project, kind, identity).map(({ digest }) => digest));
  const { id, caseRef, heldBy, placedAt } = holds;
  const [foundRequests, foundHolds, foundSuppressions] = await Promise.all([
    // An unresolved request has no digests and is found by the canonical values.
    queries.execute<LookedUpRequest>(sql`
      SELECT id, kind, status, found.outcome, ${retainedOf(sql`id`)} AS retained, ${anonymisedOf(sql`id`)} AS anonymised,
             received_at, concluded_at
      FROM (SELECT subject.request_id, ${leastAdvanced(subjectOutcome(project))} AS outcome,
                   array_agg(subject.seq) AS seqs
            FROM ${identityDigests} subject_digest JOIN ${subjects} subject USING (request_id, seq)
            WHERE subject_digest.project = ${project} AND subject_digest.kind = ${kind} AND subject_digest.digest IN ${digests}
            GROUP BY subject.request_id
            UNION ALL
            SELECT DISTINCT unresolved.id, NULL, ARRAY[]::integer[]
            FROM ${requests} unresolved JOIN ${submittedIdentities} submitted ON submitted.request_id = unresolved.id
            WHERE unresolved.project = ${project} AND unresolved.subject_kind = ${kind} AND unresolved.resolved_at IS NULL
              AND unresolved.concluded_at IS NULL AND submitted.withdrawn_at IS NULL
              AND submitted.type = ${identity.type} AND coalesce(submitted.canonical, submitted.value) = ${textArray(identity.value)}) found
      JOIN ${requests} ON requests.id = found.request_id
      WHERE ${kinds === null ? sql`true` : sql`kind = ANY(${textArray(kinds)})`}
      ORDER BY received_at DESC, id DESC LIMIT ${LIMIT}`),
    queries
      .select({ id, caseRef, heldBy, placedAt })
      .from(holds)
      .where(
        sql`${id} IN (SELECT hold_id FROM ${holdDigests} WHERE project = ${project} AND kind = ${kind} AND active AND digest IN ${digests})`,
      )
      .orderBy(desc(placedAt), id)
      .limit(LIMIT),
    queries
      .select({
        id: suppressions.id,
        requestId: suppressions.requestId,
        since: suppressions.since,
        missingIn: sql<string[]>`ARRAY(
          SELECT system FROM unnest(${textArray(search.systems)}) AS configured (system)
          WHERE NOT EXISTS (SELECT FROM ${suppressionSystems} applied
                            WHERE applied.suppression_id = ${suppressions.id} AND applied.system = configured.system)
          ORDER BY system)`,
      })
      .from(suppressions)
      .where(
        sql`${suppressions.id} IN (SELECT suppression_id FROM ${suppressionDigests}
          WHERE project = ${project} AND kind = ${kind} AND active AND digest IN ${digests})`,
      )
      .orderBy(desc(suppressions.since), suppressions.id)
      .limit(LIMIT),
  ]);
  return { requests: foundRequests, holds: foundHolds, suppressions: foundSuppressions };
}
