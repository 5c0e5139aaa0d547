import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Identity } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { arrayLiteral } from '../sql.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { heldSubjects } from './held-subjects.ts';
import { withProjectLock } from '../project-lock.ts';

export interface Hold {
  readonly id: string;
  readonly project: string;
  readonly kind: SubjectKind;
  readonly identities: readonly Identity[];
  readonly caseRef: string;
  readonly heldBy: string;
  readonly actor: string;
  readonly at: Date;
}
export interface Matching {
  readonly requestId: string;
  readonly subjects: number;
}

/**
 * Blocks the hard deletion of whoever is called by one of these identities, now and later; never a soft deletion.
 * Only digests are stored. `matching`: subjects that it stops, and what names somebody so in a request that is not resolved
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
    await tx`INSERT INTO lethe.holds (id, project, kind, case_ref, held_by, placed_at)
      VALUES (${id}, ${project}, ${kind}, ${caseRef}, ${heldBy}, ${at})`;
    await tx`INSERT INTO lethe.hold_digests (hold_id, project, kind, digest, key_id)
      SELECT ${id}, ${project}, ${kind}, decode(digest, 'hex'), key_id
      FROM unnest(${digests.map(({ digest }) => digest.toString('hex'))}::text[], ${digests.map(({ keyId }) => keyId)}::text[])
        AS named (digest, key_id)
      ON CONFLICT DO NOTHING`;
    const found = await tx<(Matching & { late: boolean })[]>`
      SELECT request_id, state = 'claimed' AS late, count(DISTINCT seq) AS subjects
      FROM lethe.hold_digests hold
      JOIN lethe.identity_digests named ON named.project = hold.project AND named.kind = hold.kind AND named.digest = hold.digest
      JOIN lethe.subjects USING (request_id, seq)
      WHERE hold.hold_id = ${id} AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed')
      GROUP BY request_id, late
      UNION ALL
      SELECT waiting.id, false, count(*)
      FROM (SELECT DISTINCT type, value::text[]
            FROM unnest(${hold.identities.map(({ type }) => type)}::text[],
                        ${hold.identities.map(({ value }) => arrayLiteral(value))}::text[]) named (type, value)) named
      JOIN lethe.submitted_identities submitted USING (type, value)
      JOIN lethe.requests waiting ON waiting.id = submitted.request_id
      WHERE waiting.project = ${project} AND waiting.kind = 'deletion' AND waiting.subject_kind = ${kind} AND waiting.resolved_at IS NULL
        AND waiting.concluded_at IS NULL AND waiting.cancelled_at IS NULL
        AND submitted.withdrawn_at IS NULL AND submitted.outcome IS NULL
      GROUP BY waiting.id
      ORDER BY request_id`;
    const matching = found.filter((row) => !row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const tooLate = found.filter((row) => row.late).map(({ requestId, subjects }) => ({ requestId, subjects }));
    const wake = matching.map((row) => row.requestId);
    const detail = { hold: id, identities: hold.identities.length, requests: matching.length, tooLate: tooLate.length };
    await recordAudit(tx, { at, project, requestId: null, actor, action: 'hold.placed', detail });
    await raiseWake(tx, wake);
    return { matching, tooLate, wake };
  });
}

/** Released twice is as once. What was due meanwhile becomes due at the first run from now, not at this instant (rule 2). */
export async function releaseHold(
  database: Database,
  window: RunWindow,
  release: { readonly id: string; readonly actor: string; readonly at: Date },
): Promise<{ readonly wake: readonly string[] }> {
  const { id, actor, at } = release;
  const project = await holdProject(database, id);
  if (project === null) throw new DomainError('hold_not_found', 'there is no such hold');
  return withProjectLock(database, project, async (tx) => {
    const released =
      await tx`UPDATE lethe.holds SET released_at = ${at}, released_by = ${actor} WHERE id = ${id} AND released_at IS NULL`;
    if (released.count === 0) return { wake: [] };
    await tx`UPDATE lethe.hold_digests SET active = false WHERE hold_id = ${id}`;
    const freed = await tx<Matching[]>`
      WITH freed AS (
        UPDATE lethe.subjects
        SET hard_delete_at = greatest(hard_delete_at, ${new Date(firstRunAtOrAfter(at.getTime(), window))})
        FROM lethe.hold_digests hold
        JOIN lethe.identity_digests named ON named.project = hold.project AND named.kind = hold.kind AND named.digest = hold.digest
        WHERE hold.hold_id = ${id} AND subjects.request_id = named.request_id AND subjects.seq = named.seq
          AND state IN ('resolved', 'soft_deleted', 'scheduled') AND (subjects.request_id, subjects.seq) NOT IN (${heldSubjects(project)})
        RETURNING subjects.request_id)
      SELECT request_id, count(*) AS subjects FROM freed GROUP BY request_id`;
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
  const [row] = await database<{ project: string }[]>`SELECT project FROM lethe.holds WHERE id = ${id}`;
  return row?.project ?? null;
}
