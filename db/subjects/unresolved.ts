import { and, count, eq, type SQL, sql } from 'drizzle-orm';
import { BLANKS } from '../../domain/identity.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { probeRows, withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, matches, subjects, submittedIdentities } from '../schema/subjects.ts';
import { intArray, textArray } from '../sql.ts';

/** Selects the subjects that the directory does not know and for which the systems are still searched. */
const isUnresolved = (requestId: string): SQL | undefined =>
  and(
    eq(subjects.requestId, requestId),
    eq(subjects.known, false),
    sql`${subjects.state} IN ('proposed', 'resolved', 'selected')`,
  );

/** Counts the subjects to search for, and reads their highest `seq`. */
export async function countUnresolvedSubjects(
  database: Database,
  requestId: string,
): Promise<{ readonly size: number; readonly lastSeq: number }> {
  const [row = { size: 0, lastSeq: 0 }] = await database
    .select({ size: count(), lastSeq: sql<number>`coalesce(max(${subjects.seq}), 0)` })
    .from(subjects)
    .where(isUnresolved(requestId));
  return row;
}

/**
 * Marks subjects as present, because a system holds data on them or cannot report it, so that they are hidden. The
 * subquery is evaluated once, so all get the same generation.
 */
export async function markPresent(
  database: Database,
  requestId: string,
  seqs: readonly number[] | 'all',
): Promise<void> {
  await database
    .update(subjects)
    .set({ present: true, generation: sql`(SELECT nextval('lethe.visibility_generation'))` })
    .where(
      and(
        isUnresolved(requestId),
        sql`${subjects.present} IS NOT TRUE`,
        seqs === 'all' ? undefined : sql`${subjects.seq} = ANY(${intArray(seqs)})`,
      ),
    );
}

/**
 * Settles the subjects on which no system holds data: the outcome of their positions is `already_deleted` if an earlier
 * request deleted them, otherwise `not_found`, or `invalid` for a value with blanks around it. Returns the requests to
 * signal.
 */
export async function settleUnresolved(
  database: Database,
  project: string,
  requestId: string,
  at: Date,
): Promise<readonly string[]> {
  return withProjectLock(database, project, async (tx) => {
    const absent = await tx
      .update(subjects)
      .set({ state: 'not_found', hidden: false })
      .where(and(isUnresolved(requestId), sql`${subjects.present} IS NOT TRUE`))
      .returning({ seq: subjects.seq });
    const exporting = await wakeAttachedBackups(tx, requestId);
    if (absent.length === 0) return exporting;
    const seqs = absent.map((row) => row.seq);
    await tx.execute(sql`
      WITH deleted_earlier AS (
        SELECT DISTINCT absent.seq FROM ${identityDigests} absent
        CROSS JOIN LATERAL (
          SELECT request_id, seq FROM ${identityDigests} same
          WHERE same.project = absent.project AND same.kind = absent.kind AND same.digest = absent.digest OFFSET 0) earlier
        CROSS JOIN LATERAL (
          SELECT state, scope FROM ${subjects} WHERE subjects.request_id = earlier.request_id AND subjects.seq = earlier.seq OFFSET 0) subject
        WHERE absent.request_id = ${requestId} AND absent.seq = ANY(${intArray(seqs)})
          AND subject.state = 'deleted' AND subject.scope = 'data')
      UPDATE ${submittedIdentities} submitted
      SET outcome = CASE WHEN deleted_earlier.seq IS NULL THEN 'not_found' ELSE 'already_deleted' END
      FROM ${matches} LEFT JOIN deleted_earlier USING (seq)
      WHERE submitted.request_id = ${requestId} AND matches.request_id = ${requestId} AND matches.position = submitted.position
        AND matches.seq = ANY(${intArray(seqs)}) AND submitted.outcome = 'matched'`);
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor: LETHE,
      action: 'subjects.not_found',
      detail: { count: absent.length },
    });
    const attached = await tx
      .update(subjects)
      .set({ state: 'not_found', hidden: false })
      .where(
        and(
          eq(subjects.ownerRequest, requestId),
          sql`${subjects.ownerSeq} = ANY(${intArray(seqs)}) AND ${subjects.state} = 'attached'`,
        ),
      )
      .returning({ requestId: subjects.requestId, seq: subjects.seq });
    const wake = [...new Set(attached.map((row) => row.requestId))];
    await rejectPadded(tx, [...seqs.map((seq) => ({ requestId, seq })), ...attached]);
    await raiseWake(tx, wake);
    return [...new Set([...wake, ...exporting])];
  });
}

/** A value that nothing holds with the blanks around it was likely meant without them, so the outcome tells it. */
async function rejectPadded(
  tx: Transaction,
  absent: readonly Pick<typeof subjects.$inferSelect, 'requestId' | 'seq'>[],
): Promise<void> {
  const [ids, seqs] = [absent.map((row) => row.requestId), absent.map((row) => row.seq)];
  await probeRows(tx, () =>
    tx.execute(sql`
    WITH position_of AS MATERIALIZED (
      SELECT absent.request_id, found.position FROM unnest(${textArray(ids)}, ${intArray(seqs)}) AS absent (request_id, seq)
      CROSS JOIN LATERAL (
        SELECT position FROM ${matches} WHERE matches.request_id = absent.request_id AND matches.seq = absent.seq OFFSET 0) found)
    UPDATE ${submittedIdentities} submitted SET outcome = 'invalid', reason = 'surrounding_whitespace'
    FROM position_of
    WHERE submitted.request_id = position_of.request_id AND submitted.position = position_of.position
      AND submitted.outcome IN ('not_found', 'attached')
      AND EXISTS (SELECT FROM unnest(submitted.value) part WHERE part ~ ${`^${BLANKS}|${BLANKS}$`})`),
  );
}

/** Wakes the attached requests that export first, which can start their export now that the subjects are found. */
async function wakeAttachedBackups(tx: Transaction, requestId: string): Promise<readonly string[]> {
  const attached = await tx.execute<{ requestId: string }>(sql`
    SELECT DISTINCT attached.request_id FROM ${subjects} attached
    JOIN ${subjects} owner ON owner.request_id = attached.owner_request AND owner.seq = attached.owner_seq
    CROSS JOIN LATERAL (SELECT export_first FROM ${requests} WHERE id = attached.request_id OFFSET 0) request
    WHERE attached.owner_request = ${requestId} AND attached.state = 'attached' AND export_first AND NOT owner.known AND owner.present`);
  const wake = attached.map((row) => row.requestId);
  await raiseWake(tx, wake);
  return wake;
}
