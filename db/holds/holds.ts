import { and, eq, isNull, sql } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Identity } from '../../domain/identity.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { heldSubjects } from './held-subjects.ts';
import { withProjectLock } from '../project-lock.ts';
import { holdDigests, holds } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects, submittedIdentities } from '../schema/subjects.ts';
import { arrayLiteral, textArray } from '../sql.ts';

export interface Hold extends Readonly<
  Pick<typeof holds.$inferSelect, 'id' | 'project' | 'kind' | 'caseRef' | 'heldBy'>
> {
  readonly identities: readonly Identity[];
  readonly actor: string;
  readonly at: Date;
}
export interface Matching {
  readonly requestId: string;
  readonly subjects: number;
}

/**
 * Blocks the hard deletion of every subject with one of these identities, now and later; never a soft deletion. Only
 * digests are stored. `matching`: the subjects it blocks, and the submitted identities of requests that are not resolved
 * yet. `tooLate`: subjects that were claimed before (rule 6).
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
  const digests = hold.identities.flatMap((identity) => digestsOf(keys, project, kind, identity));
  return withProjectLock(database, project, async (tx) => {
    await tx.insert(holds).values({ id, project, kind, caseRef, heldBy, placedAt: at });
    await tx.execute(sql`INSERT INTO ${holdDigests} (hold_id, project, kind, digest, key_id)
      SELECT ${id}, ${project}, ${kind}, decode(hex, 'hex'), key_id
      FROM unnest(${textArray(digests.map(({ digest }) => digest.toString('hex')))}, ${textArray(digests.map(({ keyId }) => keyId))})
        AS named (hex, key_id)
      ON CONFLICT DO NOTHING`);
    const found = await tx.execute<Matching & { late: boolean }>(sql`
      SELECT request_id, state = 'claimed' AS late, count(DISTINCT seq) AS subjects
      FROM ${holdDigests} hold
      JOIN ${identityDigests} named ON named.project = hold.project AND named.kind = hold.kind AND named.digest = hold.digest
      JOIN ${subjects} USING (request_id, seq)
      WHERE hold.hold_id = ${id} AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed')
      GROUP BY request_id, late
      UNION ALL
      SELECT waiting.id, false, count(*)
      FROM (SELECT DISTINCT type, value::text[]
            FROM unnest(${textArray(hold.identities.map(({ type }) => type))},
                        ${textArray(hold.identities.map(({ value }) => arrayLiteral(value)))}) named (type, value)) named
      JOIN ${submittedIdentities} submitted USING (type, value)
      JOIN ${requests} waiting ON waiting.id = submitted.request_id
      WHERE waiting.project = ${project} AND waiting.kind = 'deletion' AND waiting.subject_kind = ${kind} AND waiting.resolved_at IS NULL
        AND waiting.concluded_at IS NULL AND waiting.cancelled_at IS NULL
        AND submitted.withdrawn_at IS NULL AND submitted.outcome IS NULL
      GROUP BY waiting.id
      ORDER BY request_id`);
    const matching = found.filter((row) => !row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const tooLate = found.filter((row) => row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const wake = matching.map((row) => row.requestId);
    const detail = { hold: id, identities: hold.identities.length, requests: matching.length, tooLate: tooLate.length };
    await recordAudit(tx, { at, project, requestId: null, actor, action: 'hold.placed', detail });
    await raiseWake(tx, wake);
    return { matching, tooLate, wake };
  });
}

/** Idempotent. Subjects that became due during the hold are due at the next run, not immediately (rule 2). */
export async function releaseHold(
  database: Database,
  window: RunWindow,
  release: { readonly id: string; readonly actor: string; readonly at: Date },
): Promise<{ readonly wake: readonly string[] }> {
  const { id, actor, at } = release;
  const project = await holdProject(database, id);
  if (project === null) throw new DomainError('hold_not_found', 'there is no such hold');
  return withProjectLock(database, project, async (tx) => {
    const released = await tx
      .update(holds)
      .set({ releasedAt: at, releasedBy: actor })
      .where(and(eq(holds.id, id), isNull(holds.releasedAt)));
    if (released.count === 0) return { wake: [] };
    await tx.update(holdDigests).set({ active: false }).where(eq(holdDigests.holdId, id));
    const freed = await tx.execute<Matching>(sql`
      WITH freed AS (
        UPDATE ${subjects}
        SET hard_delete_at = greatest(hard_delete_at, ${new Date(firstRunAtOrAfter(at.getTime(), window))})
        FROM ${holdDigests} hold
        JOIN ${identityDigests} named ON named.project = hold.project AND named.kind = hold.kind AND named.digest = hold.digest
        WHERE hold.hold_id = ${id} AND subjects.request_id = named.request_id AND subjects.seq = named.seq
          AND state IN ('resolved', 'soft_deleted', 'scheduled') AND (subjects.request_id, subjects.seq) NOT IN (${heldSubjects(project)})
        RETURNING subjects.request_id)
      SELECT request_id, count(*) AS subjects FROM freed GROUP BY request_id`);
    const wake = freed.map((row) => row.requestId);
    await recordAudit(tx, {
      at,
      project,
      requestId: null,
      actor,
      action: 'hold.released',
      detail: { hold: id, subjects: freed.reduce((sum, { subjects }) => sum + subjects, 0) },
    });
    await raiseWake(tx, wake);
    return { wake };
  });
}

export async function holdProject(database: Database, id: string): Promise<string | null> {
  const [row] = await database.select({ project: holds.project }).from(holds).where(eq(holds.id, id));
  return row?.project ?? null;
}
