import { type SQL, sql } from 'drizzle-orm';
import type { AttentionKey } from '../../domain/ids.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { WaitReason } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { readStop } from '../outages/stops.ts';
import { systemOutages, systemPauses, waits } from '../schema/systems.ts';
import { manualTasks } from '../schema/tasks.ts';
import { attention } from '../schema/work.ts';
import { clearAttentionIn, FAILURE_CODES, matches } from './raise.ts';

/** What a step waits for: the time at which its rate limit allows a call, or the end of a stop of this system. */
export type Wait = { readonly until: Date } | { readonly stopped: string };

/**
 * Records that a step continues by itself: at a time, or when its system is called again. It needs no operator, so this
 * clears the attention of an earlier failure.
 */
export async function recordWait(tx: Transaction, key: AttentionKey, wait: Wait, at: Date): Promise<void> {
  const { project, requestId, system, step, batch } = key;
  await clearAttentionIn(tx, key, at, FAILURE_CODES);
  const isRateLimit = 'until' in wait;
  const change = {
    code: isRateLimit ? 'rate_limit' : 'system_stopped',
    until: isRateLimit ? wait.until : null,
    stopped: isRateLimit ? null : wait.stopped,
  } as const;
  await tx
    .insert(waits)
    .values({ requestId, system, step, batch, project, since: at, ...change })
    .onConflictDoUpdate({ target: [waits.requestId, waits.system, waits.step, waits.batch], set: change });
}

/**
 * Records that a step waits for a system that no step calls now. Returns false if the stop has ended meanwhile. An
 * inspection before a claim does not wait for a system that is only away or paused, and so it does not keep the claim.
 */
export async function recordStopped(tx: Transaction, key: AttentionKey, stopped: string, at: Date): Promise<boolean> {
  const stop = await readStop(tx, { project: key.project, system: stopped }, at, 'untilCommit');
  if (stop === null) return false;
  const isRefusal = stop === 'system_refused' || stop === 'coverage_broken';
  if (key.step === 'inspect' && !isRefusal) await clearAttentionIn(tx, key, at, FAILURE_CODES);
  else await recordWait(tx, key, { stopped }, at);
  return true;
}

/** Whether the step waits at `at`. */
export async function isWaiting(tx: Transaction, key: AttentionKey, at: Date): Promise<boolean> {
  const found = await tx
    .select({ found: sql`1` })
    .from(waits)
    .where(sql`${matches(waits, key)} AND coalesce(${waits.until} > ${at}, true)`);
  return found.length > 0;
}

/** Selects every step that has failed or waits, as `attention`. `code` is null for one that only waits. */
export const blockedSteps: SQL = sql`(
  SELECT request_id, system, step, batch, code, retry_at FROM ${attention}
  UNION ALL SELECT request_id, system, step, batch, NULL, until FROM ${waits}) AS attention`;

/**
 * Selects what requests wait for without an operator as `wait`, with `reason`: why no step calls the system now, the rate
 * limit, or the task of a person.
 */
export const explainedWaits: SQL = sql`(
  SELECT request_id, waits.project, waits.system, stopped, waits.since, until,
         CASE WHEN waits.code = 'rate_limit' THEN 'rate_limit' WHEN pause.system IS NOT NULL THEN 'paused'
              ELSE coalesce(outage.code, 'system_unavailable') END AS reason
  FROM ${waits}
  LEFT JOIN ${systemPauses} pause ON pause.project = waits.project AND pause.system = waits.stopped
  LEFT JOIN ${systemOutages} outage ON outage.project = waits.project AND outage.system = waits.stopped
  UNION ALL
  SELECT request_id, project, system, NULL, opened_at, due_at, 'task' FROM ${manualTasks} WHERE state = 'open') AS wait`;

/** What a request waits for, by system. Empty if it waits for nothing. */
export async function describeWaits(tx: Transaction, requestId: string): Promise<Pick<DeletionState, 'waits'>> {
  const rows = await tx.execute<{ system: string; reason: WaitReason; until: Date | null }>(sql`
    SELECT system, reason, min(until) AS until FROM ${explainedWaits}
    WHERE request_id = ${requestId} GROUP BY system, reason ORDER BY system, reason`);
  if (rows.length === 0) return {};
  return { waits: rows.map(({ until, ...wait }) => ({ ...wait, until: until?.getTime() ?? null })) };
}
