import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { canonicalIdentity } from '../../domain/identity-forms.ts';
import { identityText, type NamedIdentity } from '../../domain/identity.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Queries } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { isHeld } from './held-subjects.ts';
import { probeRows, withProjectLock } from '../project-lock.ts';
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
  database: Queries,
  keys: DigestKeys,
  hold: Hold,
): Promise<{
  readonly matching: readonly Matching[];
  readonly tooLate: readonly Matching[];
  readonly wake: readonly string[];
}> {
  const { id, project, kind, caseRef, heldBy, actor, at } = hold;
  const identities = hold.identities.map(canonicalIdentity);
  const count = new Set(identities.map(identityText)).size;
  const digests = identities.flatMap((identity) => digestsOf(keys, project, kind, identity));
  return withProjectLock(database, project, async (tx) => {
    await tx
      .insert(holds)
      .values({ id, project, kind, caseRef, heldBy, identities: count, placedAt: at, placedBy: actor });
    await tx.execute(sql`INSERT INTO ${holdDigests} (hold_id, project, kind, digest, key_id)
      SELECT ${id}, ${project}, ${kind}, decode(hex, 'hex'), key_id
      FROM unnest(${textArray(digests.map(({ digest }) => digest.toString('hex')))}, ${textArray(digests.map(({ keyId }) => keyId))})
        AS identity_digest (hex, key_id)
      ON CONFLICT DO NOTHING`);
    const found = await tx.execute<Matching & { late: boolean }>(sql`
      SELECT request_id, state = 'claimed' AS late, count(*) AS subjects
      FROM (${subjectsOfHold(id)}) held CROSS JOIN LATERAL (
        SELECT state FROM ${subjects} WHERE subjects.request_id = held.request_id AND subjects.seq = held.seq OFFSET 0) subject
      WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed')
      GROUP BY request_id, late
      UNION ALL
      SELECT unresolved.id, false, count(*)
      FROM ${requests} unresolved CROSS JOIN LATERAL (
        SELECT type, coalesce(canonical, value) AS value FROM ${submittedIdentities}
        WHERE request_id = unresolved.id AND withdrawn_at IS NULL AND outcome IS NULL OFFSET 0) submitted
      JOIN (SELECT DISTINCT type, value::text[]
            FROM unnest(${textArray(identities.map(({ type }) => type))},
                        ${textArray(identities.map(({ value }) => arrayLiteral(value)))}) held (type, value)) held
        ON submitted.type = held.type AND submitted.value = held.value
      WHERE unresolved.project = ${project} AND unresolved.kind = 'deletion' AND unresolved.subject_kind = ${kind}
        AND unresolved.resolved_at IS NULL AND unresolved.concluded_at IS NULL AND unresolved.cancelled_at IS NULL
      GROUP BY unresolved.id
      ORDER BY request_id`);
    const matching = found.filter((row) => !row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const tooLate = found.filter((row) => row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const wake = matching.map((row) => row.requestId);
    const detail = { hold: id, identities: count, requests: matching.length, tooLate: tooLate.length };
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
    const firstRun = new Date(firstRunAtOrAfter(at.getTime(), window));
    const released = await probeRows(tx, () =>
      tx.execute<Matching>(sql`
        WITH held AS MATERIALIZED (${subjectsOfHold(id)}),
        released AS (
          UPDATE ${subjects} SET hard_delete_at = greatest(hard_delete_at, ${firstRun})
          FROM held
          WHERE subjects.request_id = held.request_id AND subjects.seq = held.seq
            AND state IN ('resolved', 'soft_deleted', 'scheduled') AND NOT ${isHeld(project, 'subjects')}
          RETURNING subjects.request_id)
        SELECT request_id, count(*) AS subjects FROM released GROUP BY request_id`),
    );
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

/** Selects the subjects with an identity of the hold, in all requests, once each. */
const subjectsOfHold = (id: string): SQL => sql`
  SELECT DISTINCT found.request_id, found.seq FROM ${holdDigests} hold
  CROSS JOIN LATERAL (
    SELECT request_id, seq FROM ${identityDigests} subject_digest
    WHERE subject_digest.project = hold.project AND subject_digest.kind = hold.kind AND subject_digest.digest = hold.digest
    OFFSET 0) found
  WHERE hold.hold_id = ${id}`;

/** Reads the project of a hold. Null if the hold does not exist. */
export async function readHoldProject(database: Database, id: string): Promise<string | null> {
  const [row] = await database.select({ project: holds.project }).from(holds).where(eq(holds.id, id));
  return row?.project ?? null;
}
