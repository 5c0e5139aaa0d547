import { and, eq, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries } from '../client.ts';
import { type Actor, withActiveToken } from '../members/authorized-transaction.ts';
import { ofSystem, type OutageKey, wakeWaiting } from '../outages/stops.ts';
import { lanes, systemOutages, systemPauses } from '../schema/systems.ts';

/** An operator's decision about a system of a project. */
interface Decision {
  readonly system: string;
  readonly reason: string;
  readonly at: Date;
}

export async function isPaused(queries: Queries, key: OutageKey): Promise<boolean> {
  const found = await queries
    .select({ since: systemPauses.since })
    .from(systemPauses)
    .where(ofSystem(systemPauses, key));
  return found.length > 0;
}

/** Keeps every step from calling the system. A system that is paused already stays so since then, for the new reason. */
export async function pauseSystem(database: Database, actor: Actor, { system, reason, at }: Decision): Promise<void> {
  const { project, memberId } = actor;
  await withActiveToken(database, actor, async (tx) => {
    await tx
      .insert(systemPauses)
      .values({ project, system, since: at, reason, pausedBy: memberId })
      .onConflictDoUpdate({ target: [systemPauses.project, systemPauses.system], set: { reason, pausedBy: memberId } });
    const detail = { system, reason };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'system.paused', detail });
  });
}

/**
 * Lets steps call the system again: ends its pause, its outage and what it has asked its lanes to wait for. Throws
 * `system_not_stopped` if steps call it already. Returns the requests to signal.
 */
export async function resumeSystem(
  database: Database,
  actor: Actor,
  { system, reason, at }: Decision,
): Promise<readonly string[]> {
  const { project, memberId } = actor;
  const key = { project, system };
  return withActiveToken(database, actor, async (tx) => {
    const paused = await tx
      .delete(systemPauses)
      .where(ofSystem(systemPauses, key))
      .returning({ at: systemPauses.since });
    const ended = await tx
      .delete(systemOutages)
      .where(ofSystem(systemOutages, key))
      .returning({ confirmedAt: systemOutages.confirmedAt });
    const postponed = await tx
      .update(lanes)
      .set({ postponedUntil: null })
      .where(and(eq(lanes.project, project), eq(lanes.system, system), sql`postponed_until > clock_timestamp()`))
      .returning({ at: lanes.reservedAt });
    const isStopped = paused.length > 0 || ended.some(({ confirmedAt }) => confirmedAt !== null);
    if (!isStopped && postponed.length === 0)
      throw new DomainError(
        'system_not_stopped',
        'The system is not paused, and steps call it. Nothing was changed; see `state` of the system.',
      );
    const detail = { system, reason };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'system.resumed', detail });
    return wakeWaiting(tx, key, at);
  });
}
