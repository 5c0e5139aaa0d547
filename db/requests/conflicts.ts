import { OWNING_STATES } from '../../domain/vocabulary.ts';
import type { NewRequest } from './create.ts';
import { arrayLiteral } from '../sql.ts';
import type { Transaction } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';

/**
 * The submitted positions whose subject another open deletion owns: by digest where that one is resolved, by value
 * where it is not yet (rule 7). The caller holds the project's lock.
 */
export async function ownedPositions(
  tx: Transaction,
  keys: DigestKeys,
  request: Pick<NewRequest, 'project' | 'subjectKind' | 'selection'>,
): Promise<readonly number[]> {
  const { project, subjectKind: kind, selection } = request;
  const submitted = selection.by === 'identities' ? selection.identities : [];
  const asked = submitted.flatMap(({ type, value }, index) =>
    value === null ? [] : [{ position: index + 1, identity: { type, value } }],
  );
  const digests = asked.flatMap(({ position, identity }) =>
    digestsOf(keys, project, kind, identity).map(({ digest }) => ({ position, digest: digest.toString('hex') })),
  );
  const rows = await tx<{ position: number }[]>`
    SELECT asked.position
    FROM unnest(${digests.map((one) => one.position)}::integer[], ${digests.map((one) => one.digest)}::text[]) asked (position, digest)
    JOIN lethe.identity_digests known ON known.project = ${project} AND known.kind = ${kind} AND known.digest = decode(asked.digest, 'hex')
    JOIN lethe.subjects subject ON subject.request_id = known.request_id AND subject.seq = known.seq
    WHERE subject.scope = 'data' AND subject.state = ANY(${[...OWNING_STATES]}::text[])
    UNION
    SELECT asked.position
    FROM unnest(${asked.map((one) => one.position)}::integer[], ${asked.map((one) => one.identity.type)}::text[],
                ${asked.map((one) => arrayLiteral(one.identity.value))}::text[]) asked (position, type, value)
    JOIN lethe.submitted_identities waiting ON waiting.type = asked.type AND waiting.value = asked.value::text[]
    JOIN lethe.requests earlier ON earlier.id = waiting.request_id
    WHERE earlier.project = ${project} AND earlier.subject_kind = ${kind} AND earlier.resolved_at IS NULL AND NOT earlier.confirm
      AND earlier.kind = 'deletion' AND earlier.scope = 'data'
      AND earlier.concluded_at IS NULL AND earlier.cancelled_at IS NULL AND waiting.withdrawn_at IS NULL
    ORDER BY position`;
  return rows.map((row) => row.position);
}
