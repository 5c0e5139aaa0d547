import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { Identity } from '../../domain/identity.ts';
import type { Database, Transaction } from '../client.ts';
import { suppressions, suppressionSystems } from '../schema/holds.ts';
import { textArray } from '../sql.ts';
import { transaction } from '../transaction.ts';
import { recordApplied } from './place.ts';

/** A change of a suppression that systems have to apply. */
export interface PendingSuppression extends Readonly<
  Pick<typeof suppressions.$inferSelect, 'id' | 'project' | 'kind'>
> {
  readonly identity: Identity;
  /** False if the suppression was lifted. */
  readonly suppressed: boolean;
  /** The systems that have applied the change. */
  readonly appliedIn: readonly string[];
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
      appliedIn: sql<
        string[]
      >`ARRAY(SELECT system FROM ${suppressionSystems} WHERE suppression_id = ${suppressions.id} ORDER BY system)`,
    })
    .from(suppressions)
    .where(and(eq(suppressions.id, id), isNull(suppressions.propagatedAt), isNotNull(suppressions.identity)));
  return row ?? null;
}

/** A change that was applied. */
interface AppliedChange {
  readonly suppressionId: string;
  readonly suppressed: boolean;
  readonly at: Date;
}

/** Records that a system has applied a change. Does nothing if the suppression was lifted or placed again meanwhile. */
export async function recordSuppressionApplied(
  database: Database,
  { system, ...change }: AppliedChange & { readonly system: string },
): Promise<void> {
  await transaction(database, async (tx) => {
    if (await isLatest(tx, change)) await recordApplied(tx, { ...change, system });
  });
}

/**
 * Erases the identity and keeps the digests, once all of `systems` have applied the change. Changes nothing if the
 * suppression was lifted or placed again meanwhile.
 */
export async function markSuppressionPropagated(
  database: Database,
  id: string,
  applied: Omit<AppliedChange, 'suppressionId'> & { readonly systems: readonly string[] },
): Promise<void> {
  await transaction(database, async (tx) => {
    if (!(await isLatest(tx, { suppressionId: id, ...applied }))) return;
    await tx
      .update(suppressions)
      .set({ propagatedAt: applied.at, identity: null })
      .where(
        and(
          eq(suppressions.id, id),
          sql`NOT EXISTS (SELECT FROM unnest(${textArray(applied.systems)}) AS required (system) WHERE NOT EXISTS (
            SELECT FROM ${suppressionSystems} WHERE suppression_id = ${id} AND suppression_systems.system = required.system))`,
        ),
      );
  });
}

async function isLatest(
  tx: Transaction,
  { suppressionId, suppressed }: Pick<AppliedChange, 'suppressionId' | 'suppressed'>,
): Promise<boolean> {
  const [row] = await tx
    .select({ suppressed: sql<boolean>`${suppressions.liftedAt} IS NULL` })
    .from(suppressions)
    .where(and(eq(suppressions.id, suppressionId), isNull(suppressions.propagatedAt)))
    .for('update');
  return row?.suppressed === suppressed;
}
