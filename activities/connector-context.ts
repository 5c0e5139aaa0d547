import { activityInfo, Context } from '@temporalio/activity';
import { type ConnectorContext, ConnectorError } from '../connectors/connector.ts';
import { clearAttention, raiseAttention } from '../db/attention/raise.ts';
import { reserveSlot } from '../db/members/slots.ts';
import { transaction } from '../db/transaction.ts';
import { DAY_MS } from '../domain/calendar.ts';
import type { AttentionKey, SystemKey } from '../domain/ids.ts';
import { type ActivityDeps, projectOf } from './deps.ts';
import { attentionCode, isCancelled, retryable } from './failures.ts';
import { heartbeating } from './middleware.ts';

/** Attention is raised when a step has failed this often: the first attempts are everyday hiccups. */
const ATTEMPTS_BEFORE_ATTENTION = 3;

/** Runs a connector's verb with heartbeats, the activity's cancellation, and the system's rate limit. */
export async function withConnectorContext<T>(
  deps: ActivityDeps,
  { project, system }: Pick<SystemKey, 'project' | 'system'>,
  verb: (context: ConnectorContext) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const spacingMs = projectOf(deps, project).systems.find(({ name }) => name === system)?.spacingMs;
  return heartbeating(() =>
    verb({
      signal: context.cancellationSignal,
      heartbeat: () => context.heartbeat(),
      slot: async () => {
        if (spacingMs === undefined) return;
        const now = new Date();
        const slot = await reserveSlot(deps.reading, `system/${project}/${system}`, { now, spacingMs });
        await context.sleep(Math.max(0, slot.getTime() - now.getTime()));
      },
    }),
  );
}

/**
 * Runs a step that a system may refuse. While it keeps failing, an operator sees the reason in the request's
 * `attention`; when it succeeds, the reason is cleared.
 */
export async function withAttention<T>(
  deps: ActivityDeps,
  key: AttentionKey,
  asOf: number,
  step: () => Promise<T>,
): Promise<T> {
  try {
    const done = await step();
    await clearAttention(deps.database, key, new Date(asOf));
    return done;
  } catch (error) {
    if (isCancelled(error)) throw error;
    if (!retryable(error) || activityInfo().attempt >= ATTEMPTS_BEFORE_ATTENTION) {
      const retryAt = new Date(retryable(error) ? asOf : asOf + DAY_MS);
      await transaction(deps.database, (tx) =>
        raiseAttention(tx, key, { code: attentionCode(error), at: new Date(asOf), retryAt }),
      );
    }
    throw error;
  }
}

/** Checks connection, rights, data map and coverage, as at start (rule 5): any mistake raises attention at once. */
export async function requireCoverage(deps: ActivityDeps, at: Pick<SystemKey, 'project' | 'system'>): Promise<void> {
  const mistakes = await withConnectorContext(deps, at, () => deps.connector(at.project, at.system).inspect());
  if (mistakes.length > 0)
    throw new ConnectorError('coverage_broken', `${mistakes.length} mistakes`, { retryable: false });
}

/**
 * Now, by the clock of Temporal's server: when this attempt was scheduled, plus the time since it began here. For facts
 * that are true only from now on, when an attempt may have taken hours.
 */
export function attemptClock(): () => Date {
  const begunAt = performance.now();
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return () => new Date(currentAttemptScheduledTimestampMs + Math.round(performance.now() - begunAt));
}
