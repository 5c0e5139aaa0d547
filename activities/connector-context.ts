import { activityInfo, Context } from '@temporalio/activity';
import { type Batch, type ConnectorContext, ConnectorError, Deferral } from '../connectors/connector.ts';
import { requireNoConfigErrors } from '../connectors/guard.ts';
import { clearAttention, raiseAttention } from '../db/attention/raise.ts';
import { recordWait } from '../db/attention/waits.ts';
import { keepForeignIds } from '../db/subjects/foreign-ids.ts';
import { transaction } from '../db/transaction.ts';
import { isStorageUnavailable } from '../db/errors.ts';
import { DAY_MS } from '../domain/calendar.ts';
import type { AttentionKey, SystemKey } from '../domain/ids.ts';
import { ATTEMPTS_BEFORE_ATTENTION } from '../domain/retry/back-off.ts';
import { type ActivityDeps, systemOf } from './deps.ts';
import { attentionCode, isCancelled, isRetryable, lastFailure } from './failures.ts';
import { runWithHeartbeat } from './middleware.ts';
import { isKnownOutage, observeOutages } from './outages/outages.ts';
import { createSlots } from './systems/slots.ts';

interface CallOptions {
  /** Whether the verb continues where it stopped, so that a long call can end with a `Deferral`. */
  readonly canContinue?: boolean;
  /** The batch whose foreign ids are kept. None are without it. */
  readonly batch?: Batch;
}

/**
 * Calls a connector with heartbeats, the activity's cancellation, and the system's rate limits. Does not call a system
 * whose outage is known.
 */
export async function withConnectorContext<T>(
  deps: ActivityDeps,
  { project, system }: Pick<SystemKey, 'project' | 'system'>,
  call: (context: ConnectorContext) => Promise<T>,
  { canContinue = false, batch }: CallOptions = {},
): Promise<T> {
  const context = Context.current();
  const now = attemptClock();
  const connectorContext: ConnectorContext = {
    signal: context.cancellationSignal,
    now,
    heartbeat: () => context.heartbeat(),
    ...createSlots(deps, { project, system }, systemOf(deps, { project, system })?.lanes, { canContinue, now }),
    keepForeignIds: async (found) => {
      if (batch !== undefined)
        await keepForeignIds(deps.reading, { requestId: batch.requestId, batch: batch.batch, system }, found);
    },
  };
  return runWithHeartbeat(() => observeOutages(deps, { project, system }, now, () => call(connectorContext)));
}

/**
 * Runs a step that a system may refuse, and clears its attention on success. After the last attempt, raises attention with
 * the reason and fails for good, so that the workflow defers the step. While the ledger is unavailable, Temporal retries.
 * A step whose next call is allowed only later waits without attention, and counts no failed attempt.
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
    if (error instanceof Deferral) {
      const wait = { code: 'rate_limit', at: new Date(asOf), until: error.until } as const;
      await transaction(deps.database, (tx) => recordWait(tx, key, wait));
      throw lastFailure(error);
    }
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
  withConnectorContext(deps, key, (context) => requireNoConfigErrors(deps.connector(key.project, key.system), context));

/**
 * Returns the current time of Temporal's server: when this attempt was scheduled, plus the time since it started here.
 * `asOf` is too old for facts that become true at the end of an attempt that takes hours.
 */
export function attemptClock(): () => Date {
  const startedAt = performance.now();
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return () => new Date(currentAttemptScheduledTimestampMs + Math.round(performance.now() - startedAt));
}
