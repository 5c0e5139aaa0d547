import { and, eq, type SQL, sql } from 'drizzle-orm';
import { PROBE_OVERDUE_MS } from '../../domain/retry/back-off.ts';
import type { OutageCode } from '../../domain/vocabulary.ts';
import { LETHE, raiseWake } from '../audit/audit.ts';
import { copyBackupAttention } from '../backups/attention.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { probeRows } from '../project-lock.ts';
import { auditEvents } from '../schema/audit.ts';
import { requests } from '../schema/requests.ts';
import { systemOutages, systemPauses, waits } from '../schema/systems.ts';
import { attention, batchWork } from '../schema/work.ts';
import { textArray } from '../sql.ts';
import { transaction } from '../transaction.ts';

/** A system of a project. `lethe` is the archive storage. */
export interface OutageKey {
  readonly project: string;
  readonly system: string;
}

/** Why no step calls a system now. */
export type Stop = OutageCode | 'paused';

export const ofSystem = (
  table: typeof systemOutages | typeof systemPauses,
  { project, system }: OutageKey,
): SQL | undefined => and(eq(table.project, project), eq(table.system, system));

/** The latest time of a probe whose watch counts as lost at `at`. */
export const overdueBefore = (at: Date): Date => new Date(at.getTime() - PROBE_OVERDUE_MS);

/**
 * Returns why no step calls the system: an operator has paused it, or every call fails and its watch still probes. Null if
 * steps call it. `untilCommit` also keeps the stop from ending before the transaction does, so that its end finds what this
 * writes.
 */
export async function readStop(queries: Queries, key: OutageKey, at: Date, lock?: 'untilCommit'): Promise<Stop | null> {
  const locking = lock === undefined ? sql`` : sql`FOR KEY SHARE`;
  const [pause] = await queries.execute<{ code: Stop }>(sql`
    SELECT 'paused' AS code FROM ${systemPauses} WHERE ${ofSystem(systemPauses, key)} ${locking}`);
  if (pause !== undefined) return pause.code;
  const [outage] = await queries.execute<{ code: Stop }>(sql`
    SELECT code FROM ${systemOutages}
    WHERE ${ofSystem(systemOutages, key)} AND confirmed_at IS NOT NULL AND next_probe_at >= ${overdueBefore(at)} ${locking}`);
  return outage?.code ?? null;
}

/**
 * Replaces the attention that a system has raised in single requests by waits, since it now fails for all of them and is
 * shown once. Their batches continue with the same step afterwards. A claim does not wait for a system that is only away:
 * it is inspected again before it deletes. Returns the requests to signal.
 */
export async function shareFailures(
  tx: Transaction,
  { project, system }: OutageKey,
  { codes, at }: { readonly codes: readonly OutageCode[]; readonly at: Date },
): Promise<readonly string[]> {
  const ofStopped = system === LETHE ? sql`true` : sql`attention.system = ${system}`;
  const moved = await probeRows(tx, () =>
    tx.execute<{ requestId: string; backupOf: string | null }>(sql`
      WITH moved AS (
        DELETE FROM ${attention} USING ${requests}
        WHERE requests.id = attention.request_id AND requests.project = ${project} AND requests.concluded_at IS NULL
          AND ${ofStopped} AND attention.code = ANY(${textArray(codes)})
        RETURNING attention.request_id, attention.system, attention.step, attention.batch, attention.since, attention.code, requests.backup_of),
      stored AS (
        INSERT INTO ${waits} (request_id, system, step, batch, code, project, stopped, since)
        SELECT request_id, system, step, batch, 'system_stopped', ${project}, ${system}, since FROM moved
        WHERE NOT (step = 'inspect' AND code = 'system_unavailable')
        ON CONFLICT (request_id, system, step, batch) DO UPDATE SET code = excluded.code, stopped = excluded.stopped, until = NULL),
      continued AS (
        UPDATE ${batchWork} work SET state = 'pending' FROM moved
        WHERE work.request_id = moved.request_id AND work.system = moved.system AND work.batch = moved.batch
          AND moved.step IN ('delete', 'verify') AND work.state = 'attention'),
      recorded AS (
        INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
        SELECT ${at}, ${project}, request_id, ${LETHE}, 'attention.cleared',
               jsonb_build_object('system', system, 'step', step, 'batch', batch) FROM moved)
      SELECT request_id, backup_of FROM moved`),
  );
  for (const backupOf of new Set(moved.flatMap((row) => (row.backupOf === null ? [] : [row.backupOf]))))
    await copyBackupAttention(tx, backupOf, at);
  return wake(
    tx,
    moved.map(({ requestId }) => requestId),
  );
}

/**
 * Ends the waits for a system that steps call again, unless it is paused, and makes failed steps due that it has not
 * answered. Returns the requests to signal.
 */
export async function wakeWaiting(tx: Transaction, key: OutageKey, at: Date): Promise<readonly string[]> {
  const { project, system } = key;
  const paused = await tx.select({ since: systemPauses.since }).from(systemPauses).where(ofSystem(systemPauses, key));
  if (paused.length > 0) return [];
  const hasFailed =
    system === LETHE
      ? sql`attention.code = 'storage_unavailable'`
      : sql`attention.code = 'system_unavailable' AND attention.system = ${system}`;
  const due = await probeRows(tx, () =>
    tx.execute<{ id: string }>(sql`
      WITH continued AS (
        DELETE FROM ${waits} WHERE project = ${project} AND stopped = ${system} RETURNING request_id AS id),
      due AS (
        UPDATE ${attention} SET retry_at = ${at}, deferrals = 0 FROM ${requests}
        WHERE requests.id = attention.request_id AND requests.project = ${project} AND ${hasFailed} AND retry_at > ${at}
        RETURNING requests.id)
      SELECT id FROM continued UNION SELECT id FROM due`),
  );
  return wake(
    tx,
    due.map(({ id }) => id),
  );
}

/** Ends the waits for systems that are not stopped any more, if an end was missed. Returns the requests to signal. */
export async function wakeForgotten(database: Database): Promise<readonly string[]> {
  return transaction(database, async (tx) => {
    const continued = await tx.execute<{ id: string }>(sql`
      DELETE FROM ${waits} AS wait
      WHERE code = 'system_stopped'
        AND NOT EXISTS (SELECT FROM ${systemPauses} pause WHERE pause.project = wait.project AND pause.system = wait.stopped)
        AND NOT EXISTS (SELECT FROM ${systemOutages} outage
                        WHERE outage.project = wait.project AND outage.system = wait.stopped AND confirmed_at IS NOT NULL)
      RETURNING request_id AS id`);
    return wake(
      tx,
      continued.map(({ id }) => id),
    );
  });
}

async function wake(tx: Transaction, ids: readonly string[]): Promise<readonly string[]> {
  const requestIds = [...new Set(ids)];
  if (requestIds.length > 0) await raiseWake(tx, requestIds);
  return requestIds;
}
