import { sql } from 'drizzle-orm';
import { OWNING_STATES } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects, submittedIdentities } from '../schema/subjects.ts';
import { arrayLiteral, intArray, textArray } from '../sql.ts';
import type { RequestRow } from './row.ts';

/**
 * The submitted positions whose subject another open deletion owns: compared by digest if that deletion is resolved,
 * by value if it is not (rule 7). Runs under the project lock.
 */
export async function ownedPositions(
  tx: Transaction,
  keys: DigestKeys,
  request: Pick<RequestRow, 'project' | 'subjectKind'>,
  submitted: readonly { readonly type: string; readonly value: readonly string[] | null }[],
): Promise<readonly number[]> {
  const { project, subjectKind: kind } = request;
  const asked = submitted.flatMap(({ type, value }, index) =>
    value === null ? [] : [{ position: index + 1, identity: { type, value } }],
  );
  const digests = asked.flatMap(({ position, identity }) =>
    digestsOf(keys, project, kind, identity).map(({ digest }) => ({ position, digest: digest.toString('hex') })),
  );
  const rows = await tx.execute<{ position: number }>(sql`
    SELECT asked.position
    FROM unnest(${intArray(digests.map((one) => one.position))}, ${textArray(digests.map((one) => one.digest))}) asked (position, digest)
    JOIN ${identityDigests} known ON known.project = ${project} AND known.kind = ${kind} AND known.digest = decode(asked.digest, 'hex')
    JOIN ${subjects} subject ON subject.request_id = known.request_id AND subject.seq = known.seq
    WHERE subject.scope = 'data' AND subject.state = ANY(${textArray(OWNING_STATES)})
    UNION
    SELECT asked.position
    FROM unnest(${intArray(asked.map((one) => one.position))}, ${textArray(asked.map((one) => one.identity.type))},
                ${textArray(asked.map((one) => arrayLiteral(one.identity.value)))}) asked (position, type, value)
    JOIN ${submittedIdentities} waiting ON waiting.type = asked.type AND waiting.value = asked.value::text[]
    JOIN ${requests} earlier ON earlier.id = waiting.request_id
    WHERE earlier.project = ${project} AND earlier.subject_kind = ${kind} AND earlier.resolved_at IS NULL AND NOT earlier.confirm
      AND earlier.kind = 'deletion' AND earlier.scope = 'data'
      AND earlier.concluded_at IS NULL AND earlier.cancelled_at IS NULL AND waiting.withdrawn_at IS NULL
    ORDER BY position`);
  return rows.map((row) => row.position);
}
