import type { Identity } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';

/** A suppression, or the end of one, that processors have to apply. */
export interface PendingSuppression {
  readonly id: string;
  readonly project: string;
  readonly kind: SubjectKind;
  readonly identity: Identity;
  readonly suppressed: boolean;
}

/** Null if every processor has applied it. */
export async function readPendingSuppression(database: Database, id: string): Promise<PendingSuppression | null> {
  const [row] = await database<PendingSuppression[]>`
    SELECT id, project, kind, identity, lifted_at IS NULL AS suppressed FROM lethe.suppressions
    WHERE id = ${id} AND told_at IS NULL AND identity IS NOT NULL`;
  return row ?? null;
}

/** Removes the identity and keeps the digests. Does nothing if the suppression was lifted or placed again meanwhile. */
export async function markSuppressionPropagated(
  database: Database,
  id: string,
  applied: { readonly suppressed: boolean; readonly at: Date },
): Promise<void> {
  await database`UPDATE lethe.suppressions SET told_at = ${applied.at}, identity = NULL
    WHERE id = ${id} AND told_at IS NULL AND (lifted_at IS NULL) = ${applied.suppressed}`;
}
