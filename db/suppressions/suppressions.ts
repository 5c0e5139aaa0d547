import { DomainError } from '../../domain/errors.ts';
import type { Identity } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { withProjectLock } from '../project-lock.ts';

/** A change of the standing refusal to collect one identity again. */
export interface SuppressionChange {
  /** Used when there is no row of its own for this identity yet. */
  readonly id: string;
  readonly project: string;
  readonly kind: SubjectKind;
  readonly identity: Identity;
  readonly actor: string;
  readonly at: Date;
}

/**
 * One row per identity, for ever, beside those that deletions left behind: so that its last change alone is told to the
 * processors. The identity stands in it in clear until that has happened. Suppressed already: nothing changes.
 */
export async function placeSuppression(
  database: Database,
  keys: DigestKeys,
  change: SuppressionChange,
): Promise<{ readonly id: string; readonly since: Date }> {
  return withProjectLock(database, change.project, async (tx) => {
    const standing = await ownRow(tx, keys, change);
    if (standing?.liftedAt === null) return standing;
    const id = await writeChange(tx, keys, change, { id: standing?.id ?? change.id, liftedAt: null });
    await record(tx, change, 'suppression.placed', id);
    return { id, since: change.at };
  });
}

/** Ends every suppression of the identity, those left by deletions included. Throws `suppression_not_found`. */
export async function liftSuppression(
  database: Database,
  keys: DigestKeys,
  change: SuppressionChange,
): Promise<{ readonly id: string }> {
  const { project, kind, at } = change;
  return withProjectLock(database, project, async (tx) => {
    const lifted = await tx<{ id: string }[]>`
      UPDATE lethe.suppression_digests SET active = false
      WHERE project = ${project} AND kind = ${kind} AND active AND digest IN ${digestsIn(tx, keys, change)}
      RETURNING suppression_id AS id`;
    if (lifted.length === 0) throw new DomainError('suppression_not_found', 'nothing suppresses this identity');
    await tx`UPDATE lethe.suppressions SET lifted_at = ${at}
      WHERE id = ANY(${lifted.map((row) => row.id)}::text[]) AND lifted_at IS NULL
        AND NOT EXISTS (SELECT FROM lethe.suppression_digests WHERE suppression_id = suppressions.id AND active)`;
    const own = await ownRow(tx, keys, change);
    const id = await writeChange(tx, keys, change, { id: own?.id ?? change.id, liftedAt: at });
    await record(tx, change, 'suppression.lifted', id);
    return { id };
  });
}

/** `requestId` null: not left by a deletion, whose row stands for many identities. */
async function ownRow(
  tx: Transaction,
  keys: DigestKeys,
  change: SuppressionChange,
): Promise<{ readonly id: string; readonly since: Date; readonly liftedAt: Date | null } | undefined> {
  const [row] = await tx<{ id: string; since: Date; liftedAt: Date | null }[]>`
    SELECT id, since, lifted_at FROM lethe.suppressions
    WHERE request_id IS NULL AND id IN (
      SELECT suppression_id FROM lethe.suppression_digests
      WHERE project = ${change.project} AND kind = ${change.kind} AND digest IN ${digestsIn(tx, keys, change)})
    ORDER BY since LIMIT 1`;
  return row;
}

async function writeChange(
  tx: Transaction,
  keys: DigestKeys,
  { project, kind, identity, at }: SuppressionChange,
  change: { readonly id: string; readonly liftedAt: Date | null },
): Promise<string> {
  const { id, liftedAt } = change;
  const digests = digestsOf(keys, project, kind, identity);
  await tx`
    INSERT INTO lethe.suppressions (id, project, kind, since, lifted_at, identity)
    VALUES (${id}, ${project}, ${kind}, ${at}, ${liftedAt}, ${tx.json({ type: identity.type, value: [...identity.value] })})
    ON CONFLICT (id) DO UPDATE SET identity = excluded.identity, told_at = NULL, lifted_at = excluded.lifted_at,
      since = CASE WHEN excluded.lifted_at IS NULL THEN excluded.since ELSE suppressions.since END`;
  await tx`
    INSERT INTO lethe.suppression_digests (suppression_id, project, kind, digest, key_id, active)
    SELECT ${id}, ${project}, ${kind}, decode(hex, 'hex'), key_id, ${liftedAt === null}
    FROM unnest(${digests.map(({ digest }) => digest.toString('hex'))}::text[], ${digests.map(({ keyId }) => keyId)}::text[]) under (hex, key_id)
    ON CONFLICT (suppression_id, digest) DO UPDATE SET active = excluded.active`;
  return id;
}

const digestsIn = (tx: Transaction, keys: DigestKeys, { project, kind, identity }: SuppressionChange) =>
  tx`(SELECT decode(hex, 'hex') FROM unnest(${digestsOf(keys, project, kind, identity).map(({ digest }) =>
    digest.toString('hex'),
  )}::text[]) hex)`;

const record = (
  tx: Transaction,
  { at, project, actor }: SuppressionChange,
  action: 'suppression.placed' | 'suppression.lifted',
  id: string,
) => recordAudit(tx, { at, project, requestId: null, actor, action, detail: { suppression: id } });
