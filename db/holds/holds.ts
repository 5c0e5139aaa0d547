import { and, eq, isNull, sql } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { canonicalIdentity } from '../../domain/identity-forms.ts';
import type { NamedIdentity } from '../../domain/identity.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { heldSubjects } from './held-subjects.ts';
import { withProjectLock } from '../project-lock.ts';
import { holdDigests, holds } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects, submittedIdentities } from '../schema/subjects.ts';
import { arrayLiteral, textArray } from '../sql.ts';

/** A legal hold to place. */
export interface Hold extends Readonly<
  Pick<typeof holds.$inferSelect, 'id' | 'project' | 'kind' | 'caseRef' | 'heldBy'>
> {
  readonly identities: readonly NamedIdentity[];
  readonly actor: string;
  readonly at: Date;
}
/** The number of subjects of one request that a hold matches. */
export interface Matching {
  readonly requestId: string;
  readonly subjects: number;
}

/**
 * Places a legal hold, which blocks the hard deletion of current and future subjects with one of its identities.
 * `matching` counts the subjects that it blocks, and the submitted identities of unresolved requests. `tooLate` counts
 * the subjects that are already claimed (rule 6).
 */
export async function placeHold(
  database: Database,
  keys: DigestKeys,
  hold: Hold,
): Promise<{
  readonly matching: readonly Matching[];
  readonly tooLate: readonly Matching[];
  readonly wake: readonly string[];
}> {
  const { id, project, kind, caseRef, heldBy, actor, at } = hold;
  const identities = hold.identities.map(canonicalIdentity);
  const digests = identities.flatMap((identity) => digestsOf(keys, project, kind, identity));
  return withProjectLock(database, project, async (tx) => {
    await tx.insert(holds).values({ id, project, kind, caseRef, heldBy, placedAt: at });
    await tx.execute(sql`INSERT INTO ${holdDigests} (hold_id, project, kind, digest, key_id)
      SELECT ${id}, ${project}, ${kind}, decode(hex, 'hex'), key_id
      FROM unnest(${textArray(digests.map(({ digest }) => digest.toString('hex')))}, ${textArray(digests.map(({ keyId }) => keyId))})
        AS identity_digest (hex, key_id)
      ON CONFLICT DO NOTHING`);
    const found = await tx.execute<Matching & { late: boolean }>(sql`
      SELECT request_id, state = 'claimed' AS late, count(DISTINCT seq) AS subjects
      FROM ${holdDigests} hold
      JOIN ${identityDigests} subject_digest
        ON subject_digest.project = hold.project AND subject_digest.kind = hold.kind AND subject_digest.digest = hold.digest
      JOIN ${subjects} USING (request_id, seq)
      WHERE hold.hold_id = ${id} AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed')
      GROUP BY request_id, late
      UNION ALL
      SELECT unresolved.id, false, count(*)
      FROM (SELECT DISTINCT type, value::text[]
            FROM unnest(${textArray(identities.map(({ type }) => type))},
                        ${textArray(identities.map(({ value }) => arrayLiteral(value)))}) held (type, value)) held
      JOIN ${submittedIdentities} submitted
        ON submitted.type = held.type AND coalesce(submitted.canonical, submitted.value) = held.value
      JOIN ${requests} unresolved ON unresolved.id = submitted.request_id
      WHERE unresolved.project = ${project} AND unresolved.kind = 'deletion' AND unresolved.subject_kind = ${kind}
        AND unresolved.resolved_at IS NULL AND unresolved.concluded_at IS NULL AND unresolved.cancelled_at IS NULL
        AND submitted.withdrawn_at IS NULL AND submitted.outcome IS NULL
      GROUP BY unresolved.id
      ORDER BY request_id`);
    const matching = found.filter((row) => !row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const tooLate = found.filter((row) => row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const wake = matching.map((row) => row.requestId);
    const detail = { hold: id, identities: identities.length, requests: matching.length, tooLate: tooLate.length };
    await recordAudit(tx, { at, project, requestId: null, actor, action: 'hold.placed', detail });
    await raiseWake(tx, wake);
    return { matching, tooLate, wake };
  });
}

/**
 * Releases a hold. Subjects that became due during it are due at the next run (rule 2). Idempotent. Throws
 * `hold_not_found`.
 */
export async function releaseHold(
  database: Database,
  window: RunWindow,
  release: { readonly id: string; readonly actor: string; readonly at: Date },
): Promise<{ readonly wake: readonly string[] }> {
  const { id, actor, at } = release;
  const project = await readHoldProject(database, id);
  if (project === null)
    throw new DomainError(
      'hold_not_found',
      'The project has no legal hold with this id. Nothing was changed; check the id.',
    );
  return withProjectLock(database, project, async (tx) => {
    const { count: releasedHolds } = await tx
      .update(holds)
      .set({ releasedAt: at, releasedBy: actor })
      .where(and(eq(holds.id, id), isNull(holds.releasedAt)));
    if (releasedHolds === 0) return { wake: [] };
    await tx.update(holdDigests).set({ active: false }).where(eq(holdDigests.holdId, id));
    const released = await tx.execute<Matching>(sql`
      WITH released AS (
        UPDATE ${subjects}
        SET hard_delete_at = greatest(hard_delete_at, ${new Date(firstRunAtOrAfter(at.getTime(), window))})
        FROM ${holdDigests} hold
        JOIN ${identityDigests} subject_digest
          ON subject_digest.project = hold.project AND subject_digest.kind = hold.kind AND subject_digest.digest = hold.digest
        WHERE hold.hold_id = ${id} AND subjects.request_id = subject_digest.request_id AND subjects.seq = subject_digest.seq
          AND state IN ('resolved', 'soft_deleted', 'scheduled') AND (subjects.request_id, subjects.seq) NOT IN (${heldSubjects(project)})
        RETURNING subjects.request_id)
      SELECT request_id, count(*) AS subjects FROM released GROUP BY request_id`);
    const wake = released.map((row) => row.requestId);
    await recordAudit(tx, {
      at,
      project,
      requestId: null,
      actor,
      action: 'hold.released',
      detail: { hold: id, subjects: released.reduce((sum, { subjects }) => sum + subjects, 0) },
    });
    await raiseWake(tx, wake);
    return { wake };
  });
}

/** Reads the project of a hold. Null if the hold does not exist. */
export async function readHoldProject(database: Database, id: string): Promise<string | null> {
  const [row] = await database.select({ project: holds.project }).from(holds).where(eq(holds.id, id));
  return row?.project ?? null;
}
