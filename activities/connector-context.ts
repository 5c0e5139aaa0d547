import { activityInfo, Context } from '@temporalio/activity';
import { type Batch, type ConnectorContext, ConnectorError, Deferral } from '../connectors/connector.ts';
import { requireNoConfigErrors } from '../connectors/guard.ts';
import { clearAttention, raiseAttention } from '../db/attention/raise.ts';
import { recordStopped, recordWait } from '../db/attention/waits.ts';
import { isPaused } from '../db/systems/pauses.ts';
import { keepForeignIds } from '../db/subjects/foreign-ids.ts';
import { transaction } from '../db/transaction.ts';
import { isStorageUnavailable } from '../db/errors.ts';
import { DAY_MS } from '../domain/calendar.ts';
import type { AttentionKey, SystemKey } from '../domain/ids.ts';
import { ATTEMPTS_BEFORE_ATTENTION } from '../domain/retry/back-off.ts';
import { type ActivityDeps, systemOf } from './deps.ts';
import { attentionCode, isCancelled, isRetryable, lastFailure } from './failures.ts';
import { runWithHeartbeat } from './middleware.ts';
import { failingSystem, observeOutages, outageCodeOf, SystemStopped } from './outages/outages.ts';
import { createSlots } from './systems/slots.ts';

/** How often a running call finds out that an operator has paused its system. */
const PAUSE_CHECK_MS = 5_000;

interface CallOptions {
  /** Whether the verb continues where it stopped, so that a long call can end with a `Deferral`. */
  readonly canContinue?: boolean;
  /** The batch whose foreign ids are kept. None are without it. */
  readonly batch?: Batch;
  /** Whether the call inspects the system, for any request. */
  readonly isInspection?: boolean;
  /** Whether the system has answered a part of the call. Waiting for a second slot says so too. */
  readonly hasAnswered?: () => boolean;
}

/**
 * Calls a connector with heartbeats, the activity's cancellation, and the system's rate limits. Throws `SystemStopped` for
 * a system that no step calls now, also during the call if an operator pauses it.
 */
export async function withConnectorContext<T>(
  deps: ActivityDeps,
  { project, system, requestId }: Pick<SystemKey, 'project' | 'system'> & Partial<Pick<SystemKey, 'requestId'>>,
  call: (context: ConnectorContext) => Promise<T>,
  { canContinue = false, batch, isInspection = false, hasAnswered = () => false }: CallOptions = {},
): Promise<T> {
  const context = Context.current();
  const now = attemptClock();
  const pause = new AbortController();
  const signal = AbortSignal.any([context.cancellationSignal, pause.signal]);
  const { lanes } = systemOf(deps, { project, system }) ?? {};
  const slots = createSlots(deps, { project, system }, lanes, { canContinue, now, signal });
  let calls = 0;
  const connectorContext: ConnectorContext = {
    signal,
    now,
    heartbeat: () => context.heartbeat(),
    ...slots,
    waitForSlot: async (lane) => {
      calls += 1;
      await slots.waitForSlot(lane);
    },
    keepForeignIds: async (found) => {
      if (batch !== undefined)
        await keepForeignIds(deps.reading, { requestId: batch.requestId, batch: batch.batch, system }, found);
    },
  };
  const observed = {
    now,
    requestId: requestId ?? null,
    isInspection,
    hasAnswered: () => calls > 1 || hasAnswered(),
  };
  const checks = setInterval(() => {
    isPaused(deps.reading, { project, system })
      .then((paused) => paused && pause.abort(new SystemStopped(system)))
      .catch(() => undefined);
  }, PAUSE_CHECK_MS);
  try {
    return await runWithHeartbeat(() =>
      observeOutages(deps, { project, system }, observed, () => call(connectorContext)),
    );
  } finally {
    clearInterval(checks);
  }
}

/**
 * Runs a step that a system may refuse, and clears its attention on success. After the last attempt, raises attention with
 * the reason and fails for good, so that the workflow defers the step. While the ledger is unavailable, Temporal retries.
 * A step whose next call is allowed only later, or whose system no step calls now, waits without attention.
 */
export async function withAttention<T>(
  deps: ActivityDeps,
  key: AttentionKey,
  asOf: number,
  step: () => Promise<T>,
): Promise<T> {
  const now = attemptClock();
  try {
    const result = await step();
    await clearAttention(deps.database, key, new Date(asOf));
    return result;
  } catch (error) {
    if (isCancelled(error) || isStorageUnavailable(error)) throw error;
    if (await waitsFor(deps, key, error, now())) throw lastFailure(error);
    if (error instanceof SystemStopped) throw error;
    const isLast = activityInfo().attempt >= ATTEMPTS_BEFORE_ATTENTION;
    if (isRetryable(error) && !isLast) throw error;
    const waitMs = isRetryable(error) ? retryAfterMs(error) : DAY_MS;
    const retryAt = new Date(asOf + waitMs);
    const code = attentionCode(error);
    await transaction(deps.database, (tx) => raiseAttention(tx, key, { code, at: new Date(asOf), retryAt }));
    throw lastFailure(error);
  }
}

/** Records what the step waits for, if it is no failure of the step. Returns whether it waits. */
async function waitsFor(deps: ActivityDeps, key: AttentionKey, error: unknown, at: Date): Promise<boolean> {
  return transaction(deps.database, async (tx) => {
    if (error instanceof Deferral) {
      await recordWait(tx, key, { until: error.until }, at);
      return true;
    }
    if (!(error instanceof SystemStopped) && outageCodeOf(error) === null) return false;
    return recordStopped(tx, key, failingSystem(error, key.system), at);
  });
}

/** The time that a system asks for before the next call. */
const retryAfterMs = (error: unknown): number => (error instanceof ConnectorError ? (error.retryAfterMs ?? 0) : 0);

/** Checks connection, permissions, data map and coverage, as at start (rule 5). Throws `coverage_broken` for config errors. */
export const requireCoverage = (deps: ActivityDeps, key: Pick<SystemKey, 'project' | 'system'>): Promise<void> =>
  withConnectorContext(
    deps,
    key,
    (context) => requireNoConfigErrors(deps.connector(key.project, key.system), context),
    {
      isInspection: true,
    },
  );

/**
 * Returns the current time of Temporal's server: when this attempt was scheduled, plus the time since it started here.
 * `asOf` is too old for facts that become true at the end of an attempt that takes hours.
 */
export function attemptClock(): () => Date {
  const startedAt = performance.now();
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return () => new Date(currentAttemptScheduledTimestampMs + Math.round(performance.now() - startedAt));
}
