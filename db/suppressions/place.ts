import { and, eq, isNull, sql } from 'drizzle-orm';
import type { SystemKey } from '../../domain/ids.ts';
import type { Database, Queries } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { suppressionDigests, suppressions, suppressionSystems } from '../schema/holds.ts';
import { subjectIdentities, subjects } from '../schema/subjects.ts';

/** An identity that a suppression refuses, with the form by which the ledger compares it. */
export interface SuppressedIdentity extends Readonly<
  Pick<typeof subjectIdentities.$inferSelect, 'seq' | 'type'> & { value: string[]; canonical: string[] }
> {}

/**
 * Reads the identities of the subjects of a suppression. Leaves out identities that a subject outside the request has too,
 * or one of its subjects that stays.
 */
export const readSuppressedIdentities = (
  queries: Queries,
  { requestId, suppressionId }: { readonly requestId: string; readonly suppressionId: string },
): Promise<readonly SuppressedIdentity[]> =>
  queries.execute<SuppressedIdentity & Record<string, unknown>>(sql`
    WITH own AS MATERIALIZED (
      SELECT identity.seq, type, value, coalesce(canonical, value) AS canonical, identity.digest, origin
      FROM ${subjects} CROSS JOIN LATERAL (
        SELECT seq, type, value, canonical, digest, origin, shared FROM ${subjectIdentities}
        WHERE subject_identities.request_id = ${requestId} AND subject_identities.seq = subjects.seq OFFSET 0) identity
      WHERE request_id = ${requestId} AND suppression_id = ${suppressionId} AND NOT shared AND value IS NOT NULL)
    SELECT seq, type, value, canonical FROM own
    WHERE origin = 'key' OR NOT EXISTS (
      SELECT FROM ${subjectIdentities} same CROSS JOIN LATERAL (
        SELECT state FROM ${subjects} WHERE subjects.request_id = ${requestId} AND subjects.seq = same.seq OFFSET 0) other
      WHERE same.request_id = ${requestId} AND same.digest = own.digest
        AND other.state NOT IN ('claimed', 'deleted', 'partially_deleted', 'not_found') OFFSET 0)
    ORDER BY seq`);

/** Reads the suppressions of a request that a system lacks. */
export const readLackingSuppressions = (
  queries: Queries,
  { requestId, system }: SystemKey,
): Promise<readonly { readonly id: string }[]> =>
  queries
    .select({ id: suppressions.id })
    .from(suppressions)
    .where(
      and(
        eq(suppressions.requestId, requestId),
        isNull(suppressions.propagatedAt),
        sql`NOT EXISTS (SELECT FROM ${suppressionSystems} applied
          WHERE applied.suppression_id = ${suppressions.id} AND applied.system = ${system})`,
      ),
    )
    .orderBy(suppressions.id);

/** Reads the digests, in hexadecimal, of identities of a suppression that were lifted and not suppressed again. */
export async function readLifted(queries: Queries, suppressionId: string): Promise<readonly string[]> {
  const rows = await queries.execute<{ digest: string }>(sql`
    SELECT encode(digest, 'hex') AS digest FROM ${suppressionDigests} lifted
    WHERE suppression_id = ${suppressionId} AND NOT active AND NOT EXISTS (
      SELECT FROM ${suppressionDigests} other
      WHERE other.project = lifted.project AND other.kind = lifted.kind AND other.digest = lifted.digest AND other.active OFFSET 0)
    ORDER BY 1`);
  return rows.map(({ digest }) => digest);
}

/**
 * Records that a system has a suppression, without the identities in `lifted`. Returns false, and records nothing, if
 * others are lifted by now: the system has to apply it again.
 */
export async function recordPlaced(
  database: Database,
  { project, system }: SystemKey,
  placed: { readonly suppressionId: string; readonly lifted: readonly string[]; readonly at: Date },
): Promise<boolean> {
  const { suppressionId, lifted, at } = placed;
  return withProjectLock(database, project, async (tx) => {
    if ((await readLifted(tx, suppressionId)).join() !== lifted.join()) return false;
    await recordApplied(tx, { suppressionId, system, at });
    return true;
  });
}

/** Records that a system has applied the latest change of a suppression. Idempotent. */
export async function recordApplied(
  queries: Queries,
  { suppressionId, system, at }: { readonly suppressionId: string; readonly system: string; readonly at: Date },
): Promise<void> {
  await queries
    .insert(suppressionSystems)
    .values({ suppressionId, system, appliedAt: at })
    .onConflictDoUpdate({
      target: [suppressionSystems.suppressionId, suppressionSystems.system],
      set: { appliedAt: at },
    });
}
