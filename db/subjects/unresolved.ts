import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';

/** How many are still to be looked for, and up to which number. */
export async function unknownSubjects(
  database: Database,
  requestId: string,
): Promise<{ readonly size: number; readonly lastSeq: number }> {
  const [row = { size: 0, lastSeq: 0 }] = await database<{ size: number; lastSeq: number }[]>`
    SELECT count(*) AS size, coalesce(max(seq), 0) AS last_seq FROM lethe.subjects
    WHERE request_id = ${requestId} AND NOT known AND state IN ('resolved', 'wanted')`;
  return row;
}

/**
 * A processor holds something on these subjects, or cannot say: they stay, and are to be hidden from now on. (The
 * sub-select is evaluated once: one generation for all.)
 */
export async function markPresent(
  database: Database,
  requestId: string,
  seqs: readonly number[] | 'all',
): Promise<void> {
  const chosen = seqs === 'all' ? null : (seqs as number[]);
  await database`UPDATE lethe.subjects SET present = true, generation = (SELECT nextval('lethe.visibility_generation'))
    WHERE request_id = ${requestId} AND NOT known AND present IS NOT TRUE AND state IN ('resolved', 'wanted')
      AND (${chosen}::integer[] IS NULL OR seq = ANY(${chosen}::integer[]))`;
}

/** Nobody holds anything on the rest: `already_deleted` where an earlier request deleted it, otherwise `not_found`. Returns the requests to wake. */
export async function settleUnresolved(
  database: Database,
  project: string,
  requestId: string,
  at: Date,
): Promise<readonly string[]> {
  return withProjectLock(database, project, async (tx) => {
    const absent = await tx<{ seq: number }[]>`
      UPDATE lethe.subjects SET state = 'not_found', hidden = false
      WHERE request_id = ${requestId} AND NOT known AND present IS NOT TRUE AND state IN ('resolved', 'wanted') RETURNING seq`;
    const waiting = await waitingToExport(tx, requestId);
    if (absent.length === 0) return waiting;
    const seqs = absent.map((row) => row.seq);
    await tx`
      WITH gone AS (
        SELECT DISTINCT mine.seq FROM lethe.identity_digests mine
        JOIN lethe.identity_digests earlier ON earlier.project = mine.project AND earlier.kind = mine.kind AND earlier.digest = mine.digest
        JOIN lethe.subjects ON subjects.request_id = earlier.request_id AND subjects.seq = earlier.seq AND subjects.state = 'deleted'
          AND subjects.scope = 'data'
        WHERE mine.request_id = ${requestId} AND mine.seq = ANY(${seqs}::integer[]))
      UPDATE lethe.submitted_identities submitted
      SET outcome = CASE WHEN EXISTS (SELECT FROM gone WHERE gone.seq = matches.seq) THEN 'already_deleted' ELSE 'not_found' END
      FROM lethe.matches
      WHERE submitted.request_id = ${requestId} AND matches.request_id = ${requestId} AND matches.position = submitted.position
        AND matches.seq = ANY(${seqs}::integer[]) AND submitted.outcome = 'matched'`;
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor: LETHE,
      action: 'subjects.not_found',
      detail: { count: absent.length },
    });
    const sharing = await tx<{ requestId: string }[]>`
      UPDATE lethe.subjects SET state = 'not_found', hidden = false
      WHERE owner_request = ${requestId} AND owner_seq = ANY(${seqs}::integer[]) AND state = 'attached' RETURNING request_id`;
    const wake = [...new Set(sharing.map((row) => row.requestId))];
    await raiseWake(tx, wake);
    return [...new Set([...wake, ...waiting])];
  });
}

/** Whom these are attached to is somebody: requests that export first may begin, and nobody is claimed before they did. */
async function waitingToExport(tx: Transaction, requestId: string): Promise<readonly string[]> {
  const attached = await tx<{ requestId: string }[]>`
    SELECT DISTINCT mine.request_id FROM lethe.subjects mine
    JOIN lethe.subjects owner ON owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
    JOIN lethe.requests ON requests.id = mine.request_id
    WHERE mine.owner_request = ${requestId} AND mine.state = 'attached' AND export_first AND NOT owner.known AND owner.present`;
  const wake = attached.map((row) => row.requestId);
  await raiseWake(tx, wake);
  return wake;
}
