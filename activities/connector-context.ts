import { activityInfo, Context } from '@temporalio/activity';
import type { ConnectorContext } from '../connectors/connector.ts';
import { requireNoConfigErrors } from '../connectors/guard.ts';
import { clearAttention, raiseAttention } from '../db/attention/raise.ts';
import { raiseWake } from '../db/audit/audit.ts';
import { reserveSlot } from '../db/members/slots.ts';
import { transaction } from '../db/transaction.ts';
import { DAY_MS } from '../domain/calendar.ts';
import type { AttentionKey, SystemKey } from '../domain/ids.ts';
import { type ActivityDeps, projectOf } from './deps.ts';
import { attentionCode, isCancelled, isRetryable } from './failures.ts';
import { runWithHeartbeat } from './middleware.ts';

/** Failed attempts before attention is raised. Most failures are short and need no operator. */
const ATTEMPTS_BEFORE_ATTENTION = 3;

/** Calls a connector with heartbeats, the activity's cancellation, and the system's rate limit. */
export async function withConnectorContext<T>(
  deps: ActivityDeps,
  { project, system }: Pick<SystemKey, 'project' | 'system'>,
  call: (context: ConnectorContext) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const spacingMs = projectOf(deps, project).systems.find(({ name }) => name === system)?.spacingMs;
  return runWithHeartbeat(() =>
    call({
      signal: context.cancellationSignal,
      heartbeat: () => context.heartbeat(),
      waitForSlot: async () => {
        if (spacingMs === undefined) return;
        const now = new Date();
        const slot = await reserveSlot(deps.reading, `system/${project}/${system}`, { now, spacingMs });
        await context.sleep(Math.max(0, slot.getTime() - now.getTime()));
      },
    }),
  );
}

/** Runs a step that a system may refuse. Raises attention with the reason while it fails, and clears it on success. */
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
    if (isCancelled(error)) throw error;
    if (!isRetryable(error) || activityInfo().attempt >= ATTEMPTS_BEFORE_ATTENTION) {
      const retryAt = new Date(isRetryable(error) ? asOf : asOf + DAY_MS);
      const isNew = await transaction(deps.database, async (tx) => {
        const raised = await raiseAttention(tx, key, { code: attentionCode(error), at: new Date(asOf), retryAt });
        if (raised) await raiseWake(tx, [key.requestId]);
        return raised;
      });
      // The workflow decides by it whether other systems continue, while this step is still retried.
      if (isNew) await deps.starter.signalRequests([key.requestId]);
    }
    throw error;
  }
}

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
