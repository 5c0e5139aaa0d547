import { sql } from 'drizzle-orm';
import { OWNING_STATES } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { canonicalIdentity } from '../../domain/identity-forms.ts';
import type { NamedIdentity } from '../../domain/identity.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects, submittedIdentities } from '../schema/subjects.ts';
import { arrayLiteral, intArray, textArray } from '../sql.ts';
import type { RequestRow } from './row.ts';

/**
 * Returns the submitted positions whose subject another open deletion owns (rule 7). Compares digests with resolved
 * deletions, and canonical values with deletions that are not resolved yet. Runs under the project lock.
 */
export async function findOwnedPositions(
  tx: Transaction,
  keys: DigestKeys,
  request: Pick<RequestRow, 'project' | 'subjectKind'>,
  submitted: readonly (Omit<NamedIdentity, 'value'> & { readonly value: NamedIdentity['value'] | null })[],
): Promise<readonly number[]> {
  const { project, subjectKind: kind } = request;
  const identities = submitted.flatMap(({ type, value, canonical = null }, index) =>
    value === null ? [] : [{ position: index + 1, identity: canonicalIdentity({ type, value, canonical }) }],
  );
  const digests = identities.flatMap(({ position, identity }) =>
    digestsOf(keys, project, kind, identity).map(({ digest }) => ({ position, digest: digest.toString('hex') })),
  );
  const rows = await tx.execute<{ position: number }>(sql`
    SELECT submitted.position
    FROM unnest(${intArray(digests.map((row) => row.position))}, ${textArray(digests.map((row) => row.digest))}) submitted (position, digest)
    CROSS JOIN LATERAL (
      SELECT request_id, seq FROM ${identityDigests} subject_digest
      WHERE subject_digest.project = ${project} AND subject_digest.kind = ${kind}
        AND subject_digest.digest = decode(submitted.digest, 'hex') OFFSET 0) found
    CROSS JOIN LATERAL (
      SELECT scope, state FROM ${subjects} WHERE subjects.request_id = found.request_id AND subjects.seq = found.seq OFFSET 0) subject
    WHERE subject.scope = 'data' AND subject.state = ANY(${textArray(OWNING_STATES)})
    UNION
    SELECT submitted.position
    FROM ${requests} earlier
    CROSS JOIN LATERAL (
      SELECT type, coalesce(canonical, value) AS value FROM ${submittedIdentities}
      WHERE request_id = earlier.id AND withdrawn_at IS NULL OFFSET 0) unresolved
    JOIN unnest(${intArray(identities.map((row) => row.position))}, ${textArray(identities.map((row) => row.identity.type))},
                ${textArray(identities.map((row) => arrayLiteral(row.identity.value)))}) submitted (position, type, value)
      ON unresolved.type = submitted.type AND unresolved.value = submitted.value::text[]
    WHERE earlier.project = ${project} AND earlier.subject_kind = ${kind} AND earlier.resolved_at IS NULL AND NOT earlier.confirm
      AND earlier.kind = 'deletion' AND earlier.scope = 'data'
      AND earlier.concluded_at IS NULL AND earlier.cancelled_at IS NULL
    ORDER BY position`);
  return rows.map((row) => row.position);
}
