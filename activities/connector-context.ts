import { activityInfo, Context } from '@temporalio/activity';
import { ConnectorError, type Work } from '../connectors/connector.ts';
import { transaction } from '../db/transaction.ts';
import { type AttentionKey, clearAttention, raiseAttention } from '../db/attention/raise.ts';
import { reserveSlot } from '../db/members/slots.ts';
import { DAY_MS } from '../domain/calendar.ts';
import { type Activities, around } from './middleware.ts';
import { type ActivityDeps, projectOf } from './deps.ts';
import { attentionCode, isCancelled, retryable } from './failures.ts';

/** A statement may take longer than the heartbeat timeout, and says nothing meanwhile. */
const HEARTBEAT_MS = 5_000;
/** An operator hears of it when it has failed this often: the first attempts are everyday hiccups. */
const ATTEMPTS_BEFORE_ATTENTION = 3;

/** Every activity of a set, giving signs of life: one whose worker was killed is tried again in seconds, not minutes. */
export const withSignsOfLife = <T extends Activities>(activities: T): T => around(activities, heartbeating);

async function heartbeating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
  }
}

/** Runs a connector's verb with a sign of life, the activity's cancellation, and the processor's pace. */
export async function withWork<T>(
  deps: ActivityDeps,
  at: { readonly project: string; readonly processor: string },
  verb: (work: Work) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const spacingMs = projectOf(deps, at.project).processors.find(({ name }) => name === at.processor)?.spacingMs;
  return heartbeating(() =>
    verb({
      signal: context.cancellationSignal,
      heartbeat: () => context.heartbeat(),
      slot: async () => {
        if (spacingMs === undefined) return;
        const now = new Date();
        const slot = await reserveSlot(deps.reading, `processor/${at.project}/${at.processor}`, { now, spacingMs });
        await context.sleep(Math.max(0, slot.getTime() - now.getTime()));
      },
    }),
  );
}

/**
 * Does a step that a processor may refuse. While it keeps failing an operator sees why in the request's `attention`;
 * once it succeeds the reason goes away by itself.
 */
export async function attended<T>(
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

/** Connection, rights, data map and coverage, as at start (rule 5): any mistake is for an operator, at once. */
export async function requireCoverage(
  deps: ActivityDeps,
  at: { readonly project: string; readonly processor: string },
): Promise<void> {
  const mistakes = await withWork(deps, at, () => deps.connector(at.project, at.processor).inspect());
  if (mistakes.length > 0)
    throw new ConnectorError('coverage_broken', `${mistakes.length} mistakes`, { retryable: false });
}
