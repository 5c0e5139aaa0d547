import { and, inArray, isNotNull, isNull, lt, lte, sql } from 'drizzle-orm';
import { probeDelayMs, REQUESTS_BEFORE_OUTAGE, trialDelayMs } from '../../domain/retry/back-off.ts';
import type { OutageCode } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { systemOutages } from '../schema/systems.ts';
import { ofSystem, type OutageKey, overdueBefore, shareFailures, wakeWaiting } from './stops.ts';

export type { OutageKey } from './stops.ts';

type Outage = Readonly<typeof systemOutages.$inferSelect>;

/** A call that failed: `requestId` is null for an inspection, which says that every call fails. */
interface FailedCall {
  readonly code: OutageCode;
  readonly requestId: string | null;
  readonly at: Date;
}

/** What follows a failed or an answered call, after the commit. */
export interface Consequences {
  readonly startsWatch: boolean;
  readonly wake: readonly string[];
}

/**
 * Records that a system did not answer, or refused. An inspection that is refused, and failed calls of several requests with
 * no answered call in between, confirm the outage: no step calls the system until it ends. An unanswered call is left to
 * the watch to confirm, because a probe finds the end of a short outage sooner.
 */
export async function recordFailedCall(
  database: Database,
  key: OutageKey,
  { code, requestId, at }: FailedCall,
): Promise<Consequences> {
  const watched = await database
    .insert(systemOutages)
    .values({ ...key, code, since: at, nextProbeAt: at })
    .onConflictDoUpdate({
      target: [systemOutages.project, systemOutages.system],
      set: { nextProbeAt: at },
      setWhere: sql`coalesce(${systemOutages.nextProbeAt} < ${overdueBefore(at)}, true)`,
    })
    .returning({ system: systemOutages.system });
  const startsWatch = watched.length > 0;
  const isRefused = requestId === null && isRefusal(code);
  if (!isRefused && !(requestId !== null && (await countRequest(database, key, requestId, code))))
    return { startsWatch, wake: [] };
  const wake = await withProjectLock(database, key.project, (tx) => confirm(tx, key, { code, at }));
  return { startsWatch: true, wake };
}

/** Adds a request whose call failed. Returns whether enough of them failed to confirm the outage. */
async function countRequest(database: Database, key: OutageKey, requestId: string, code: OutageCode): Promise<boolean> {
  const { confirmedAt, failedRequests, trials } = systemOutages;
  const [outage] = await database
    .update(systemOutages)
    .set({
      code,
      failedRequests: sql`CASE WHEN ${failedRequests} @> ARRAY[${requestId}::text] OR cardinality(${failedRequests}) >= ${REQUESTS_BEFORE_OUTAGE}
        THEN ${failedRequests} ELSE ${failedRequests} || ${requestId}::text END`,
    })
    .where(and(ofSystem(systemOutages, key), isNull(confirmedAt)))
    .returning({ failedRequests, trials });
  return outage !== undefined && (outage.trials > 0 || outage.failedRequests.length >= REQUESTS_BEFORE_OUTAGE);
}

const REFUSALS: OutageCode[] = ['system_refused', 'coverage_broken'];
const isRefusal = (code: OutageCode): boolean => REFUSALS.includes(code);

/** Confirms an outage unless it has ended meanwhile, or is confirmed. Returns the requests to signal. */
async function confirm(
  tx: Transaction,
  key: OutageKey,
  { code, at }: { readonly code: OutageCode; readonly at: Date },
): Promise<readonly string[]> {
  const [outage] = await tx.select().from(systemOutages).where(ofSystem(systemOutages, key)).for('update');
  if (outage === undefined || outage.confirmedAt !== null) return [];
  // Inspections may succeed although calls are refused, so that an answered probe only means another trial.
  const isTried = outage.trials > 0 || (isRefusal(code) && outage.failedRequests.length >= REQUESTS_BEFORE_OUTAGE);
  const delayMs = isTried ? trialDelayMs(at.getTime() - outage.since.getTime()) : 0;
  const nextProbeAt = new Date(at.getTime() + delayMs);
  await tx.update(systemOutages).set({ code, confirmedAt: at, nextProbeAt }).where(ofSystem(systemOutages, key));
  return announce(tx, key, { code, at });
}

async function announce(
  tx: Transaction,
  key: OutageKey,
  { code, at }: { readonly code: OutageCode; readonly at: Date },
): Promise<readonly string[]> {
  const { project, system } = key;
  const action = 'system.stopped';
  await recordAudit(tx, { at, project, requestId: null, actor: LETHE, action, detail: { system, code } });
  const codes = isRefusal(code) ? REFUSALS : [code];
  return shareFailures(tx, key, { codes, at });
}

/** Reads the outage of a system, confirmed or not. Null if its latest call was answered. */
export async function readOutage(database: Database, key: OutageKey): Promise<Outage | null> {
  const [outage] = await database.select().from(systemOutages).where(ofSystem(systemOutages, key));
  return outage ?? null;
}

/** Records a failed probe, which confirms the outage. Returns when the next one is due, null if the outage has ended. */
export async function recordFailedProbe(
  database: Database,
  key: OutageKey,
  { code, at }: { readonly code: OutageCode; readonly at: Date },
): Promise<{ readonly nextProbeAt: Date | null; readonly wake: readonly string[] }> {
  return withProjectLock(database, key.project, async (tx) => {
    const [outage] = await tx.select().from(systemOutages).where(ofSystem(systemOutages, key)).for('update');
    if (outage === undefined) return { nextProbeAt: null, wake: [] };
    const delayMs = isRefusal(code) ? trialDelayMs : probeDelayMs;
    const nextProbeAt = new Date(at.getTime() + delayMs(at.getTime() - outage.since.getTime()));
    const confirmedAt = outage.confirmedAt ?? at;
    // The failed probe explains the failed calls, so its end is one that a probe can find.
    await tx
      .update(systemOutages)
      .set({ code, confirmedAt, nextProbeAt, failedRequests: [] })
      .where(ofSystem(systemOutages, key));
    return { nextProbeAt, wake: outage.confirmedAt === null ? await announce(tx, key, { code, at }) : [] };
  });
}

/**
 * Records that a system has answered a probe begun at `at`. Steps call it again. If calls of requests had failed, they are
 * remembered until one is answered, so that a system that answers only probes stops again after the next failed call.
 */
export async function recordAnsweredProbe(database: Database, key: OutageKey, at: Date): Promise<readonly string[]> {
  const ended = await endOutage(database, key, { calledAt: at, at, isInspection: true });
  if (ended.length > 0) return ended;
  return withProjectLock(database, key.project, async (tx) => {
    const [outage] = await tx.select().from(systemOutages).where(ofSystem(systemOutages, key)).for('update');
    if (outage === undefined) return [];
    await tx
      .update(systemOutages)
      .set({
        confirmedAt: null,
        nextProbeAt: null,
        trials: outage.trials + (outage.confirmedAt === null ? 0 : 1),
      })
      .where(ofSystem(systemOutages, key));
    return outage.confirmedAt === null ? [] : announceEnd(tx, key, at);
  });
}

/**
 * Ends the outage of a system that has answered a call begun at `calledAt`. If it was confirmed, every step that waits for
 * the system is due at `at`: raises the wake versions of their requests and returns them. An inspection says nothing about
 * the calls of requests.
 */
export async function endOutage(
  database: Database,
  key: OutageKey,
  { calledAt, at, isInspection }: { readonly calledAt: Date; readonly at: Date; readonly isInspection: boolean },
): Promise<readonly string[]> {
  const outage = await readOutage(database, key);
  if (outage === null || (isInspection && outage.failedRequests.length > 0)) return [];
  // A call that began before the outage proves nothing about its end, but not every call fails.
  if (outage.since > calledAt) {
    if (!isInspection) await forgetFailedRequests(database, key);
    return [];
  }
  const ended = and(ofSystem(systemOutages, key), lte(systemOutages.since, calledAt));
  return withProjectLock(database, key.project, async (tx) => {
    const [deleted] = await tx.delete(systemOutages).where(ended).returning();
    return deleted === undefined || deleted.confirmedAt === null ? [] : announceEnd(tx, key, at);
  });
}

/** Records that a call was answered after the calls of these requests, unless the outage is confirmed. */
export async function forgetFailedRequests(database: Database, key: OutageKey): Promise<void> {
  await database
    .update(systemOutages)
    .set({ failedRequests: [], trials: 0 })
    .where(
      and(
        ofSystem(systemOutages, key),
        isNull(systemOutages.confirmedAt),
        sql`${systemOutages.failedRequests} <> '{}'`,
      ),
    );
}

async function announceEnd(tx: Transaction, key: OutageKey, at: Date): Promise<readonly string[]> {
  const { project, system } = key;
  const action = 'system.continued';
  await recordAudit(tx, { at, project, requestId: null, actor: LETHE, action, detail: { system } });
  return wakeWaiting(tx, key, at);
}

/** Removes the outage of a system that is not configured any more. */
export async function forgetOutage(database: Database, key: OutageKey): Promise<void> {
  await database.delete(systemOutages).where(ofSystem(systemOutages, key));
}

/** The systems that refuse every call, as far as the latest probe knows. A configuration that has just been read can end it. */
export const refusingSystems = (database: Database): Promise<OutageKey[]> =>
  database
    .select({ project: systemOutages.project, system: systemOutages.system })
    .from(systemOutages)
    .where(and(isNotNull(systemOutages.confirmedAt), inArray(systemOutages.code, REFUSALS)));

/** The outages whose watch was lost. */
export const unwatchedOutages = (database: Database, asOf: Date): Promise<OutageKey[]> =>
  database
    .select({ project: systemOutages.project, system: systemOutages.system })
    .from(systemOutages)
    .where(lt(systemOutages.nextProbeAt, overdueBefore(asOf)));
