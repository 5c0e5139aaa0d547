import { and, count, eq, type SQL, sql } from 'drizzle-orm';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, matches, subjects, submittedIdentities } from '../schema/subjects.ts';
import { intArray } from '../sql.ts';

/** Subjects that the directory does not know, before systems have been searched for them. */
const unknownOf = (requestId: string): SQL | undefined =>
  and(eq(subjects.requestId, requestId), eq(subjects.known, false), sql`${subjects.state} IN ('resolved', 'selected')`);

/** The number of subjects to search for, and their highest `seq`. */
export async function unknownSubjects(
  database: Database,
  requestId: string,
): Promise<{ readonly size: number; readonly lastSeq: number }> {
  const [row = { size: 0, lastSeq: 0 }] = await database
    .select({ size: count(), lastSeq: sql<number>`coalesce(max(${subjects.seq}), 0)` })
    .from(subjects)
    .where(unknownOf(requestId));
  return row;
}

/**
 * Keeps the subjects on which a system holds data, or cannot tell: they are to be hidden from now on. The sub-select
 * is evaluated once: all subjects get one generation.
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
        unknownOf(requestId),
        sql`${subjects.present} IS NOT TRUE`,
        seqs === 'all' ? undefined : sql`${subjects.seq} = ANY(${intArray(seqs)})`,
      ),
    );
}

/**
 * Concludes the subjects on which no system holds data: `already_deleted` if an earlier request deleted them, otherwise
 * `not_found`. Returns the requests to wake.
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
      .where(and(unknownOf(requestId), sql`${subjects.present} IS NOT TRUE`))
      .returning({ seq: subjects.seq });
    const waiting = await waitingToExport(tx, requestId);
    if (absent.length === 0) return waiting;
    const seqs = absent.map((row) => row.seq);
    await tx.execute(sql`
      WITH gone AS (
        SELECT DISTINCT mine.seq FROM ${identityDigests} mine
        JOIN ${identityDigests} earlier ON earlier.project = mine.project AND earlier.kind = mine.kind AND earlier.digest = mine.digest
        JOIN ${subjects} ON subjects.request_id = earlier.request_id AND subjects.seq = earlier.seq AND subjects.state = 'deleted'
          AND subjects.scope = 'data'
        WHERE mine.request_id = ${requestId} AND mine.seq = ANY(${intArray(seqs)}))
      UPDATE ${submittedIdentities} submitted
      SET outcome = CASE WHEN EXISTS (SELECT FROM gone WHERE gone.seq = matches.seq) THEN 'already_deleted' ELSE 'not_found' END
      FROM ${matches}
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
    const sharing = await tx
      .update(subjects)
      .set({ state: 'not_found', hidden: false })
      .where(
        and(
          eq(subjects.ownerRequest, requestId),
          sql`${subjects.ownerSeq} = ANY(${intArray(seqs)}) AND ${subjects.state} = 'attached'`,
        ),
      )
      .returning({ requestId: subjects.requestId });
    const wake = [...new Set(sharing.map((row) => row.requestId))];
    await raiseWake(tx, wake);
    return [...new Set([...wake, ...waiting])];
  });
}

/** The requests that export first and are attached to these subjects: they may begin, and must before a claim. */
async function waitingToExport(tx: Transaction, requestId: string): Promise<readonly string[]> {
  const attached = await tx.execute<{ requestId: string }>(sql`
    SELECT DISTINCT mine.request_id FROM ${subjects} mine
    JOIN ${subjects} owner ON owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
    JOIN ${requests} ON requests.id = mine.request_id
    WHERE mine.owner_request = ${requestId} AND mine.state = 'attached' AND export_first AND NOT owner.known AND owner.present`);
  const wake = attached.map((row) => row.requestId);
  await raiseWake(tx, wake);
  return wake;
}
