import { sql } from 'drizzle-orm';
import { newId } from '../../domain/ids.ts';
import { EXPORT_WITHIN_MS } from '../../domain/policy.ts';
import { analyzeTables } from '../resolution/stage.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { type DeletionRow, readDeletionRow, readRequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, matches, subjectIdentities, subjects, submittedIdentities } from '../schema/subjects.ts';
import { notBackedUp } from './pending.ts';

/**
 * Creates the export that a deletion waits for (rule 18), with its subjects that are in no archive and no open export.
 * The export is resolved from the start, with the deletion's identities. Null if no subject waits for an export.
 */
export async function startBackup(database: Database, requestId: string, at: Date): Promise<string | null> {
  const { project } = await readRequestRow(database, requestId);
  const started = await withProjectLock(database, project, async (tx) => {
    const deletion = await readDeletionRow(tx, requestId);
    if (deletion.concludedAt !== null || !deletion.exportFirst) return null;
    const id = newId('request', at.getTime());
    const count = await copySubjects(tx, deletion, id);
    if (count === 0) return null;
    await copyRequest(tx, deletion, { id, at });
    await copyIdentities(tx, requestId, id);
    await enqueueNotifications(tx, id, at);
    for (const [about, action, detail] of [
      [id, 'request.received', { kind: 'export', backupOf: requestId, subjects: count }],
      [requestId, 'backup.started', { export: id, subjects: count }],
    ] as const)
      await recordAudit(tx, { at, project, requestId: about, actor: LETHE, action, detail });
    return { id, count };
  });
  if (started === null) return null;
  await analyzeTables(database, started.count);
  return started.id;
}

/** Copies the subjects under the same `seq`, which relates both rows. Returns their number. */
async function copySubjects(tx: Transaction, { id: requestId }: DeletionRow, id: string): Promise<number> {
  const { count } = await tx.execute<never>(sql`
    INSERT INTO ${subjects} (request_id, seq, project, kind, digest, known, present, state, hidden, generation)
    SELECT ${id}, seq, project, kind, digest, known, true, 'selected', false, generation FROM ${subjects}
    WHERE request_id = ${requestId} AND seq IN (${notBackedUp(requestId)})`);
  return count;
}

/** Creates the request. It always has scope `data` and no window, because the deletion removes what is not exported. */
async function copyRequest(
  tx: Transaction,
  { id: requestId }: DeletionRow,
  { id, at }: { readonly id: string; readonly at: Date },
): Promise<void> {
  await tx.execute(sql`
    INSERT INTO ${matches} (request_id, position, seq)
    SELECT ${id}, position, seq FROM ${matches} deletion
    WHERE request_id = ${requestId} AND EXISTS (SELECT FROM ${subjects} WHERE request_id = ${id} AND subjects.seq = deletion.seq)`);
  const { count: submitted } = await tx.execute<never>(sql`
    INSERT INTO ${submittedIdentities} (request_id, position, type, value, outcome, duplicate_of, line)
    SELECT ${id}, position, type, value, CASE outcome WHEN 'duplicate' THEN outcome ELSE 'matched' END, duplicate_of, line
    FROM ${submittedIdentities}
    WHERE request_id = ${requestId} AND position IN (SELECT position FROM ${matches} WHERE request_id = ${id})`);
  await tx.execute(sql`
    INSERT INTO ${requests} (id, project, kind, subject_kind, regulation, scope, selection, suppress, on_conflict, submitted_by,
      submitted, status, received_at, due_at, estimated_completion_at, resolved_at, attended_at, systems, format, notify, backup_of)
    SELECT ${id}, project, 'export', subject_kind, regulation, 'data', 'identities', false, 'attach', ${LETHE},
      ${submitted}, 'resolving', ${at}, due_at, ${new Date(at.getTime() + EXPORT_WITHIN_MS)}, ${at}, ${at}, systems, 'ndjson', notify, id
    FROM ${requests} WHERE id = ${requestId}`);
}

/**
 * Copies identities and digests. An attached subject also gets the identities of its owner, because the owner deletes
 * by those and may know more of them.
 */
async function copyIdentities(tx: Transaction, requestId: string, id: string): Promise<void> {
  await tx.execute(sql`
    WITH copied_subject AS MATERIALIZED (
      SELECT subject.seq, subject.owner_request, subject.owner_seq FROM ${subjects} subject
      JOIN ${subjects} copied ON copied.request_id = ${id} AND copied.seq = subject.seq WHERE subject.request_id = ${requestId})
    INSERT INTO ${subjectIdentities} (request_id, seq, type, value, digest, origin, shared)
    SELECT DISTINCT ON (seq, type, value) ${id}, seq, type, value, digest, origin, shared
    FROM (SELECT copied_subject.seq, type, value, digest, origin, shared
          FROM copied_subject JOIN ${subjectIdentities} identity ON identity.request_id = ${requestId} AND identity.seq = copied_subject.seq
          UNION ALL
          SELECT copied_subject.seq, type, value, digest, origin, shared
          FROM copied_subject CROSS JOIN LATERAL (
            SELECT type, value, digest, origin, shared FROM ${subjectIdentities} stored
            WHERE stored.request_id = copied_subject.owner_request AND stored.seq = copied_subject.owner_seq OFFSET 0) identity) identities
    ORDER BY seq, type, value, shared, origin <> 'key'`);
  await tx.execute(sql`
    INSERT INTO ${identityDigests} (project, kind, digest, key_id, request_id, seq, is_key)
    SELECT original.project, original.kind, original.digest, key_id, ${id}, original.seq, is_key
    FROM ${identityDigests} original JOIN ${subjects} copied ON copied.request_id = ${id} AND copied.seq = original.seq
    WHERE original.request_id = ${requestId}`);
}
