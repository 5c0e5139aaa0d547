import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { Identity } from '../../domain/identity.ts';
import type { Database } from '../client.ts';
import { suppressions } from '../schema/holds.ts';

/** A change of a suppression that systems have to apply. */
export interface PendingSuppression extends Readonly<
  Pick<typeof suppressions.$inferSelect, 'id' | 'project' | 'kind'>
> {
  readonly identity: Identity;
  /** False if the suppression was lifted. */
  readonly suppressed: boolean;
}

/** Reads the latest change of a suppression. Null if every system has applied it. */
export async function readPendingSuppression(database: Database, id: string): Promise<PendingSuppression | null> {
  const [row] = await database
    .select({
      id: suppressions.id,
      project: suppressions.project,
      kind: suppressions.kind,
      identity: sql<Identity>`${suppressions.identity}`,
      suppressed: sql<boolean>`${suppressions.liftedAt} IS NULL`,
    })
    .from(suppressions)
    .where(and(eq(suppressions.id, id), isNull(suppressions.propagatedAt), isNotNull(suppressions.identity)));
  return row ?? null;
}

/**
 * Erases the identity and keeps the digests. Changes nothing if the suppression was lifted or placed again meanwhile.
 */
export async function markSuppressionPropagated(
  database: Database,
  id: string,
  applied: { readonly suppressed: boolean; readonly at: Date },
): Promise<void> {
  const { liftedAt } = suppressions;
  await database
    .update(suppressions)
    .set({ propagatedAt: applied.at, identity: null })
    .where(
      and(
        eq(suppressions.id, id),
        isNull(suppressions.propagatedAt),
        applied.suppressed ? isNull(liftedAt) : isNotNull(liftedAt),
      ),
    );
}
