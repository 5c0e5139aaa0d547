import { newId } from '../../domain/ids.ts';
import { EXPORT_WITHIN_MS } from '../../domain/policy.ts';
import { analyzeTables } from '../resolution/stage.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { type DeletionRow, readDeletionRow, readRequestRow } from '../requests/row.ts';
import { notBackedUp } from './pending.ts';

/**
 * The export that a deletion waits for (rule 18): of everyone in it whom no archive holds and no export under way will. It
 * begins where another one has been resolved, since the deletion has asked who they are. Null: nobody is waiting for one
 * (any more).
 */
export async function startBackup(database: Database, requestId: string, at: Date): Promise<string | null> {
  const { project } = await readRequestRow(database, requestId);
  const begun = await withProjectLock(database, project, async (tx) => {
    const deletion = await readDeletionRow(tx, requestId);
    if (deletion.concludedAt !== null || !deletion.exportFirst) return null;
    const id = newId('request', at.getTime());
    const subjects = await copySubjects(tx, deletion, id);
    if (subjects === 0) return null;
    await copyRequest(tx, deletion, { id, at });
    await copyNames(tx, requestId, id);
    await enqueueNotifications(tx, id, at);
    for (const [of, action, detail] of [
      [id, 'request.received', { kind: 'export', backupOf: requestId, subjects }],
      [requestId, 'backup.begun', { export: id, subjects }],
    ] as const)
      await recordAudit(tx, { at, project, requestId: of, actor: LETHE, action, detail });
    return { id, subjects };
  });
  if (begun === null) return null;
  await analyzeTables(database, begun.subjects);
  return begun.id;
}

/** Under the numbers that they have in the deletion: so one is found from the other. Returns how many they are. */
async function copySubjects(tx: Transaction, { id: requestId }: DeletionRow, id: string): Promise<number> {
  const { count } = await tx`
    INSERT INTO lethe.subjects (request_id, seq, project, kind, digest, known, present, state, hidden, generation)
    SELECT ${id}, seq, project, kind, digest, known, true, 'wanted', false, generation FROM lethe.subjects
    WHERE request_id = ${requestId} AND seq IN (${notBackedUp(requestId)})`;
  return count;
}

/** All that is held on them, whatever the deletion removes and from whenever: there will be no second time to ask. */
async function copyRequest(
  tx: Transaction,
  { id: requestId }: DeletionRow,
  { id, at }: { readonly id: string; readonly at: Date },
): Promise<void> {
  await tx`
    INSERT INTO lethe.matches (request_id, position, seq)
    SELECT ${id}, position, seq FROM lethe.matches deletion
    WHERE request_id = ${requestId} AND EXISTS (SELECT FROM lethe.subjects WHERE request_id = ${id} AND subjects.seq = deletion.seq)`;
  const { count: submitted } = await tx`
    INSERT INTO lethe.submitted_identities (request_id, position, type, value, outcome, duplicate_of, line)
    SELECT ${id}, position, type, value, CASE outcome WHEN 'duplicate' THEN outcome ELSE 'matched' END, duplicate_of, line
    FROM lethe.submitted_identities
    WHERE request_id = ${requestId} AND position IN (SELECT position FROM lethe.matches WHERE request_id = ${id})`;
  await tx`
    INSERT INTO lethe.requests (id, project, kind, subject_kind, regulation, scope, selection, suppress, on_conflict, submitted_by,
      submitted, status, received_at, due_at, estimated_completion_at, resolved_at, attended_at, processors, format, notify, backup_of)
    SELECT ${id}, project, 'export', subject_kind, regulation, 'data', 'identities', false, 'attach', ${LETHE},
      ${submitted}, 'resolving', ${at}, due_at, ${new Date(at.getTime() + EXPORT_WITHIN_MS)}, ${at}, ${at}, processors, 'ndjson', notify, id
    FROM lethe.requests WHERE id = ${requestId}`;
}

/**
 * What they are called. Of one who is attached, also what the owner calls it: a request that does not own a subject knows
 * of less that is the subject's alone, and the owner deletes by what it knows.
 */
async function copyNames(tx: Transaction, requestId: string, id: string): Promise<void> {
  await tx`
    WITH twin AS MATERIALIZED (
      SELECT mine.seq, mine.owner_request, mine.owner_seq FROM lethe.subjects mine
      JOIN lethe.subjects copied ON copied.request_id = ${id} AND copied.seq = mine.seq WHERE mine.request_id = ${requestId})
    INSERT INTO lethe.subject_identities (request_id, seq, type, value, digest, origin, shared)
    SELECT DISTINCT ON (seq, type, value) ${id}, seq, type, value, digest, origin, shared
    FROM (SELECT twin.seq, type, value, digest, origin, shared
          FROM twin JOIN lethe.subject_identities named ON named.request_id = ${requestId} AND named.seq = twin.seq
          UNION ALL
          SELECT twin.seq, type, value, digest, origin, shared
          FROM twin JOIN lethe.subject_identities named ON named.request_id = twin.owner_request AND named.seq = twin.owner_seq) named
    ORDER BY seq, type, value, shared, origin <> 'key'`;
  await tx`
    INSERT INTO lethe.identity_digests (project, kind, digest, key_id, request_id, seq, is_key)
    SELECT named.project, named.kind, named.digest, key_id, ${id}, named.seq, is_key
    FROM lethe.identity_digests named JOIN lethe.subjects copied ON copied.request_id = ${id} AND copied.seq = named.seq
    WHERE named.request_id = ${requestId}`;
}
