import type { Identity } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';

/** A refusal to collect that processors have to be told of, or told the end of. */
export interface UntoldSuppression {
  readonly id: string;
  readonly project: string;
  readonly kind: SubjectKind;
  readonly identity: Identity;
  readonly suppressed: boolean;
}

/** `null` when everybody has been told already. */
export async function readUntold(database: Database, id: string): Promise<UntoldSuppression | null> {
  const [row] = await database<UntoldSuppression[]>`
    SELECT id, project, kind, identity, lifted_at IS NULL AS suppressed FROM lethe.suppressions
    WHERE id = ${id} AND told_at IS NULL AND identity IS NOT NULL`;
  return row ?? null;
}

/** Everybody knows: the identity goes, the digests stay. Not if it was lifted, or placed again, meanwhile. */
export async function suppressionTold(
  database: Database,
  id: string,
  told: { readonly suppressed: boolean; readonly at: Date },
): Promise<void> {
  await database`UPDATE lethe.suppressions SET told_at = ${told.at}, identity = NULL
    WHERE id = ${id} AND told_at IS NULL AND (lifted_at IS NULL) = ${told.suppressed}`;
}
