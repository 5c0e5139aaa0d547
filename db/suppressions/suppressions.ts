import { and, asc, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { NamedIdentity } from '../../domain/identity.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { type Digest, type DigestKeys, namedDigests, spellingDigests } from '../digests.ts';
import { probeRows, withProjectLock } from '../project-lock.ts';
import { suppressionDigests, suppressions, suppressionSystems } from '../schema/holds.ts';
import { DISPATCHED_SOON } from '../schema/lethe.ts';
import { bytesIn, textArray } from '../sql.ts';

/** Places or lifts the suppression of one identity. `id` is used if the identity has no row yet. */
export interface SuppressionChange extends Readonly<Pick<typeof suppressions.$inferSelect, 'id' | 'project' | 'kind'>> {
  readonly identity: NamedIdentity;
  /** The configured systems. */
  readonly systems: readonly string[];
  readonly actor: string;
  readonly at: Date;
}

/**
 * Places a suppression. Idempotent. Members' suppressions have one row per spelling of an identity, so that systems apply
 * only the latest change, in their own comparison. The row contains the identity in clear until they have. A repeated call
 * reaches systems that were configured later.
 */
export async function placeSuppression(
  database: Queries,
  keys: DigestKeys,
  change: SuppressionChange,
): Promise<{ readonly id: string; readonly since: Date; readonly missingIn: readonly string[] }> {
  return withProbes(database, change.project, async (tx) => {
    const current = await readMemberRow(tx, keys, change);
    const isPlaced = current?.liftedAt === null;
    const missingIn = isPlaced ? await missingSystems(tx, current.id, change.systems) : change.systems;
    if (isPlaced && (missingIn.length === 0 || current.propagatedAt === null))
      return { id: current.id, since: current.since, missingIn };
    const id = await writeChange(tx, keys, change, { id: current?.id ?? change.id, liftedAt: null });
    if (isPlaced) {
      const { since, placedBy } = current;
      await tx.update(suppressions).set({ since, placedBy }).where(eq(suppressions.id, id));
      return { id, since: current.since, missingIn };
    }
    await record(tx, change, 'suppression.placed', id);
    return { id, since: change.at, missingIn };
  });
}

/**
 * Lifts every suppression of the identity, including those of deletions and of spellings with the same canonical form.
 * Throws `suppression_not_found`.
 */
export async function liftSuppression(
  database: Database,
  keys: DigestKeys,
  change: SuppressionChange,
): Promise<{ readonly id: string }> {
  const { project, actor, at } = change;
  return withProbes(database, project, async (tx) => {
    const lifted = await tx
      .update(suppressionDigests)
      .set({ active: false })
      .where(and(matchesIdentity(keys, change), suppressionDigests.active))
      .returning({ id: suppressionDigests.suppressionId });
    if (lifted.length === 0)
      throw new DomainError(
        'suppression_not_found',
        'The identity has no suppression in this project. Nothing was changed; check `identity`.',
      );
    await tx.execute(sql`UPDATE ${suppressions}
      SET lifted_identities = lifted_identities + 1,
          lifted_at = CASE WHEN lifted_identities + 1 = identities THEN ${at}::timestamptz END,
          lifted_by = CASE WHEN lifted_identities + 1 = identities THEN ${actor} END
      WHERE id = ANY(${textArray(lifted.map((row) => row.id))})`);
    const existing = await readMemberRow(tx, keys, change);
    const id = await writeChange(tx, keys, change, { id: existing?.id ?? change.id, liftedAt: at });
    await record(tx, change, 'suppression.lifted', id);
    return { id };
  });
}

/** Runs `work` under the project lock. All its statements look up the digests of one identity. */
const withProbes = <T>(database: Queries, project: string, work: (tx: Transaction) => Promise<T>): Promise<T> =>
  withProjectLock(database, project, (tx) => probeRows(tx, () => work(tx)));

/** Reads the row that members' changes of this spelling use. Rows of deletions cover several identities. */
async function readMemberRow(
  tx: Transaction,
  keys: DigestKeys,
  change: SuppressionChange,
): Promise<
  | Readonly<Pick<typeof suppressions.$inferSelect, 'id' | 'since' | 'placedBy' | 'liftedAt' | 'propagatedAt'>>
  | undefined
> {
  const ids = tx
    .select({ id: suppressionDigests.suppressionId })
    .from(suppressionDigests)
    .where(matchesAny(change, spellingDigests(keys, change.project, change.kind, change.identity)));
  const [row] = await tx
    .select({
      id: suppressions.id,
      since: suppressions.since,
      placedBy: suppressions.placedBy,
      liftedAt: suppressions.liftedAt,
      propagatedAt: suppressions.propagatedAt,
    })
    .from(suppressions)
    .where(and(isNull(suppressions.requestId), inArray(suppressions.id, ids)))
    .orderBy(asc(suppressions.since))
    .limit(1);
  return row;
}

/** The systems that have not applied the latest change of the suppression. */
async function missingSystems(tx: Transaction, id: string, systems: readonly string[]): Promise<readonly string[]> {
  const applied = await tx
    .select({ system: suppressionSystems.system })
    .from(suppressionSystems)
    .where(eq(suppressionSystems.suppressionId, id));
  return systems.filter((name) => !applied.some(({ system }) => system === name));
}

async function writeChange(
  tx: Transaction,
  keys: DigestKeys,
  { project, kind, identity, actor, at }: SuppressionChange,
  change: { readonly id: string; readonly liftedAt: Date | null },
): Promise<string> {
  const { id, liftedAt } = change;
  const isActive = liftedAt === null;
  // Digests of the spelling only find the row again, so they are never active.
  const digests = [
    ...namedDigests(keys, project, kind, identity).map((digest) => ({ ...digest, active: isActive })),
    ...spellingDigests(keys, project, kind, identity).map((digest) => ({ ...digest, active: false })),
  ];
  const stored = { type: identity.type, value: identity.value };
  await tx.delete(suppressionSystems).where(eq(suppressionSystems.suppressionId, id));
  const lift = { liftedIdentities: isActive ? 0 : 1, liftedAt, liftedBy: isActive ? null : actor };
  const placing = isActive ? { since: at, placedBy: actor } : {};
  await tx
    .insert(suppressions)
    .values({ id, project, kind, identities: 1, since: at, ...placing, ...lift, identity: stored })
    .onConflictDoUpdate({
      target: suppressions.id,
      set: {
        identity: stored,
        propagatedAt: null,
        dispatchAt: DISPATCHED_SOON,
        ...lift,
        ...placing,
      },
    });
  await tx
    .insert(suppressionDigests)
    .values(digests.map((digest) => ({ suppressionId: id, project, kind, ...digest })))
    .onConflictDoUpdate({
      target: [suppressionDigests.suppressionId, suppressionDigests.digest],
      set: { active: sql`excluded.active` },
    });
  return id;
}

/** Selects the digests of the identity, under every key in use. */
const matchesIdentity = (keys: DigestKeys, change: SuppressionChange): SQL | undefined =>
  matchesAny(change, namedDigests(keys, change.project, change.kind, change.identity));

const matchesAny = ({ project, kind }: SuppressionChange, digests: readonly Digest[]): SQL | undefined =>
  and(
    eq(suppressionDigests.project, project),
    eq(suppressionDigests.kind, kind),
    sql`${suppressionDigests.digest} IN ${bytesIn(digests.map(({ digest }) => digest))}`,
  );

const record = (
  tx: Transaction,
  { at, project, actor }: SuppressionChange,
  action: 'suppression.placed' | 'suppression.lifted',
  id: string,
) => recordAudit(tx, { at, project, requestId: null, actor, action, detail: { suppression: id } });
