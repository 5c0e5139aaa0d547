import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Database } from '../../db/client.ts';
import {
  type DueRequest,
  recordChannelDispatched,
  recordDispatched,
  recordSuppressionDispatched,
  releaseRequests,
  takeDueChannels,
  takeDueRequests,
  takeDueSuppressions,
} from '../../db/operations/outbox.ts';
import { errorCode } from '../../db/errors.ts';
import { isOutage, temporalCalls, temporalCode } from './calls.ts';

export interface DispatcherDeps {
  readonly client: Client;
  readonly database: Database;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** The time of one call. Under load, Temporal confirms a start after seconds. Shorter than the lease of a row. */
  readonly deadlineMs?: number;
}

/** `more`: a full round, so further rows may be due. `away`: Temporal does not answer, and no row was lost. */
export type Round = 'idle' | 'more' | 'away';

/** A round ends with its slowest call, so it is small. */
const PER_ROUND = 40;
const CONCURRENT_CALLS = 20;
const DEADLINE_MS = 10_000;
const POLL_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
/** The rows of deliveries that one round leases. All deliveries of a channel need one signal. */
const DELIVERIES_PER_ROUND = 1_000;

/**
 * Starts and signals the workflows whose rows are due in the outbox, because the process that stored them could not. Several
 * dispatchers share the rows. Repeating a call is harmless: a workflow reads its rows again.
 */
export async function dispatchDue({ client, database, log, deadlineMs = DEADLINE_MS }: DispatcherDeps): Promise<Round> {
  const calls = temporalCalls(client);
  const withDeadline = (call: () => Promise<void>): Promise<void> => client.withDeadline(Date.now() + deadlineMs, call);
  let isAway = false;
  /** Returns whether the call succeeded. A row that only its own call fails for is repeated when its lease ends. */
  const attempt = async (action: string, id: string, call: () => Promise<void>): Promise<boolean> => {
    if (isAway) return false;
    try {
      await withDeadline(call);
      return true;
    } catch (error) {
      isAway ||= isOutage(error);
      log.warn({ action, id, code: temporalCode(error) }, 'Temporal call failed; the dispatcher repeats it');
      return false;
    }
  };

  const requests = await takeDueRequests(database, PER_ROUND);
  const waiting = requests.values();
  const failed: string[] = [];
  const dispatchNext = async () => {
    for (const request of waiting) {
      if (await attempt('dispatch', request.id, () => startOrSignal(request)))
        await recordDispatched(database, [request]);
      else failed.push(request.id);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_CALLS }, dispatchNext));
  if (isAway) await releaseRequests(database, failed);

  const suppressions = await takeDueSuppressions(database, PER_ROUND);
  for (const { id, lease } of suppressions)
    if (await attempt('startSuppression', id, () => calls.startSuppression(id)))
      await recordSuppressionDispatched(database, id, { lease });
  for (const leased of await takeDueChannels(database, DELIVERIES_PER_ROUND))
    if (
      await attempt('startNotifications', leased.channel, () =>
        calls.startNotifications(leased.project, leased.channel),
      )
    )
      await recordChannelDispatched(database, leased);
  if (isAway) return 'away';
  return requests.length === PER_ROUND || suppressions.length === PER_ROUND ? 'more' : 'idle';

  /** A workflow that is known to be started is signaled, and started again only if it does not run. */
  async function startOrSignal(request: DueRequest): Promise<void> {
    const { id, started, concluded } = request;
    if (started || concluded) {
      const isRunning = await calls.signalRequest(id).then(
        () => true,
        (error: unknown) => {
          if (error instanceof WorkflowNotFoundError) return false;
          throw error;
        },
      );
      if (isRunning || concluded) return;
    }
    await calls.startRequest(id, request);
  }
}

/** Dispatches until the signal aborts. While Temporal or the ledger is unavailable, the pauses grow to two seconds. */
export async function runDispatcher(deps: DispatcherDeps, stop: AbortSignal): Promise<void> {
  let pauseMs = POLL_MS;
  while (!stop.aborted) {
    const round = await dispatchDue(deps).catch((error: unknown) => {
      deps.log.warn({ code: errorCode(error) ?? 'unavailable' }, 'the outbox cannot be read; the dispatcher retries');
      return 'away' as const;
    });
    pauseMs = round === 'away' ? Math.min(pauseMs * 2, LONGEST_PAUSE_MS) : POLL_MS;
    if (round !== 'more') await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
}
