import { and, eq, gt, lt, lte, type SQL, sql } from 'drizzle-orm';
import { PROBE_OVERDUE_MS, probeDelayMs } from '../../domain/retry/back-off.ts';
import { LETHE, raiseWake } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { probeRows, withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { attention, systemOutages } from '../schema/work.ts';

/** A system of a project. `lethe` is the archive storage. */
export interface OutageKey {
  readonly project: string;
  readonly system: string;
}

const ofSystem = ({ project, system }: OutageKey): SQL | undefined =>
  and(eq(systemOutages.project, project), eq(systemOutages.system, system));

/** The latest time of a probe whose watch counts as lost at `at`. */
const overdueBefore = (at: Date): Date => new Date(at.getTime() - PROBE_OVERDUE_MS);

/** Records that a system did not answer. Returns whether its watch has to start: it is new, or was lost. */
export async function recordUnanswered(database: Database, key: OutageKey, at: Date): Promise<boolean> {
  const watched = await database
    .insert(systemOutages)
    .values({ ...key, since: at, nextProbeAt: at })
    .onConflictDoUpdate({
      target: [systemOutages.project, systemOutages.system],
      set: { nextProbeAt: at },
      setWhere: lt(systemOutages.nextProbeAt, overdueBefore(at)),
    })
    .returning({ system: systemOutages.system });
  return watched.length > 0;
}

/**
 * Whether a probe has failed and its watch still probes. Calls then wait for the end of the outage instead of trying.
 * `untilCommit` also keeps the outage from ending before the transaction does, so that its end wakes what this writes.
 */
export async function isOutageConfirmed(
  queries: Queries,
  key: OutageKey,
  at: Date,
  lock?: 'untilCommit',
): Promise<boolean> {
  const outage = queries
    .select({ failedProbes: systemOutages.failedProbes, nextProbeAt: systemOutages.nextProbeAt })
    .from(systemOutages)
    .where(ofSystem(key));
  const [found] = await (lock === undefined ? outage : outage.for('key share'));
  return found !== undefined && found.failedProbes > 0 && found.nextProbeAt >= overdueBefore(at);
}

/** Records a failed probe. Returns when the next one is due. Null if the outage has ended meanwhile. */
export async function recordFailedProbe(database: Database, key: OutageKey, at: Date): Promise<Date | null> {
  const [outage] = await database.select({ since: systemOutages.since }).from(systemOutages).where(ofSystem(key));
  if (outage === undefined) return null;
  const nextProbeAt = new Date(at.getTime() + probeDelayMs(at.getTime() - outage.since.getTime()));
  const updated = await database
    .update(systemOutages)
    .set({ failedProbes: sql`${systemOutages.failedProbes} + 1`, nextProbeAt })
    .where(ofSystem(key));
  return updated.count === 0 ? null : nextProbeAt;
}

/**
 * Ends the outage of a system that has answered a call begun at `calledAt`. If a probe had failed, every step that waits
 * for the system is due at `at`: raises the wake versions of their requests and returns them.
 */
export async function endOutage(
  database: Database,
  key: OutageKey,
  { calledAt, at }: { readonly calledAt: Date; readonly at: Date },
): Promise<readonly string[]> {
  // A call that began before the outage proves nothing about its end.
  const ended = and(ofSystem(key), lte(systemOutages.since, calledAt));
  const known = await database.select({ system: systemOutages.system }).from(systemOutages).where(ended);
  if (known.length === 0) return [];
  return withProjectLock(database, key.project, async (tx) => {
    const { failedProbes } = systemOutages;
    const [outage] = await tx.delete(systemOutages).where(ended).returning({ failedProbes });
    return outage === undefined || outage.failedProbes === 0 ? [] : wakeWaiting(tx, key, at);
  });
}

async function wakeWaiting(tx: Transaction, { project, system }: OutageKey, at: Date): Promise<readonly string[]> {
  const isWaiting =
    system === LETHE
      ? eq(attention.code, 'storage_unavailable')
      : and(eq(attention.code, 'system_unavailable'), eq(attention.system, system));
  const due = await probeRows(tx, () =>
    tx
      .update(attention)
      .set({ retryAt: at, deferrals: 0 })
      .from(requests)
      .where(
        and(eq(requests.id, attention.requestId), eq(requests.project, project), isWaiting, gt(attention.retryAt, at)),
      )
      .returning({ id: attention.requestId }),
  );
  const wake = [...new Set(due.map(({ id }) => id))];
  if (wake.length > 0) await raiseWake(tx, wake);
  return wake;
}

/** Removes the outage of a system that is not configured any more. */
export async function forgetOutage(database: Database, key: OutageKey): Promise<void> {
  await database.delete(systemOutages).where(ofSystem(key));
}

/** The outages whose watch was lost. */
export const unwatchedOutages = (database: Database, asOf: Date): Promise<OutageKey[]> =>
  database
    .select({ project: systemOutages.project, system: systemOutages.system })
    .from(systemOutages)
    .where(lt(systemOutages.nextProbeAt, overdueBefore(asOf)));
