import { activityInfo, Context } from '@temporalio/activity';
import { type ConnectorContext, ConnectorError, Deferral } from '../connectors/connector.ts';
import { requireNoConfigErrors } from '../connectors/guard.ts';
import { clearAttention, raiseAttention } from '../db/attention/raise.ts';
import { postponeSlot, reserveSlot, slotOf } from '../db/members/slots.ts';
import { keepForeignIds } from '../db/subjects/foreign-ids.ts';
import { transaction } from '../db/transaction.ts';
import { isStorageUnavailable } from '../db/errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../domain/calendar.ts';
import type { AttentionKey, SystemKey } from '../domain/ids.ts';
import { ATTEMPTS_BEFORE_ATTENTION } from '../domain/retry/back-off.ts';
import { spacingOf } from '../domain/retry/pace.ts';
import { type ActivityDeps, systemOf } from './deps.ts';
import { attentionCode, isCancelled, isRetryable, lastFailure } from './failures.ts';
import { runWithHeartbeat } from './middleware.ts';
import { isKnownOutage, observeOutages } from './outages/outages.ts';

/** A longer wait for a slot, or a longer call, ends the activity if it can be continued: no attempt takes days. */
const LONGEST_WAIT_MS = 10 * MINUTE_MS;
const LONGEST_CALL_MS = 6 * HOUR_MS;

/**
 * Calls a connector with heartbeats, the activity's cancellation, and the system's rate limit. Does not call a system
 * whose outage is known.
 */
export async function withConnectorContext<T>(
  deps: ActivityDeps,
  { project, system, requestId }: Pick<SystemKey, 'project' | 'system'> & Partial<Pick<SystemKey, 'requestId'>>,
  call: (context: ConnectorContext) => Promise<T>,
  { isDeferrable = false }: { readonly isDeferrable?: boolean } = {},
): Promise<T> {
  const startedAt = performance.now();
  const context = Context.current();
  const lanes = systemOf(deps, { project, system })?.lanes ?? {};
  const connectorContext: ConnectorContext = {
    signal: context.cancellationSignal,
    heartbeat: () => context.heartbeat(),
    waitForSlot: async (lane = '') => {
      const spacingMs = spacingOf(lanes[lane] ?? []);
      if (spacingMs === null) return;
      const now = new Date();
      const slot = await reserveSlot(deps.reading, slotOf({ project, system }, lane), { now, spacingMs });
      const waitMs = Math.max(0, slot.getTime() - now.getTime());
      if (isDeferrable && (waitMs > LONGEST_WAIT_MS || performance.now() - startedAt > LONGEST_CALL_MS))
        throw new Deferral(slot);
      await context.sleep(waitMs);
    },
    postponeLane: (lane = '', until) => postponeSlot(deps.reading, slotOf({ project, system }, lane), until),
    keepForeignIds: async (found) => {
      if (requestId !== undefined) await keepForeignIds(deps.reading, { requestId, system }, found);
    },
  };
  return runWithHeartbeat(() =>
    observeOutages(deps, { project, system }, attemptClock(), () => call(connectorContext)),
  );
}

/**
 * Runs a step that a system may refuse, and clears its attention on success. After the last attempt, raises attention with
 * the reason and fails for good, so that the workflow defers the step. While the ledger is unavailable, Temporal retries.
 */
export async function withAttention<T>(
  deps: ActivityDeps,
  key: AttentionKey,
  asOf: number,
  step: () => Promise<T>,
): Promise<T> {
  try {
    const result = await step();
    await clearAttention(deps.database, key, new Date(asOf));
    return result;
  } catch (error) {
    if (isCancelled(error) || isStorageUnavailable(error)) throw error;
    const isLast = isKnownOutage(error) || activityInfo().attempt >= ATTEMPTS_BEFORE_ATTENTION;
    if (isRetryable(error) && !isLast) throw error;
    const waitMs = isRetryable(error) ? retryAfterMs(error) : DAY_MS;
    const retryAt = new Date(asOf + waitMs);
    const code = attentionCode(error);
    await transaction(deps.database, (tx) => raiseAttention(tx, key, { code, at: new Date(asOf), retryAt }));
    throw lastFailure(error);
  }
}

/** The time that a system asks for before the next call. */
const retryAfterMs = (error: unknown): number => (error instanceof ConnectorError ? (error.retryAfterMs ?? 0) : 0);

/** Checks connection, permissions, data map and coverage, as at start (rule 5). Throws `coverage_broken` for config errors. */
export const requireCoverage = (deps: ActivityDeps, key: Pick<SystemKey, 'project' | 'system'>): Promise<void> =>
  withConnectorContext(deps, key, () => requireNoConfigErrors(deps.connector(key.project, key.system)));

/**
 * Returns the current time of Temporal's server: when this attempt was scheduled, plus the time since it started here.
 * `asOf` is too old for facts that become true at the end of an attempt that takes hours.
 */
export function attemptClock(): () => Date {
  const startedAt = performance.now();
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return () => new Date(currentAttemptScheduledTimestampMs + Math.round(performance.now() - startedAt));
}
