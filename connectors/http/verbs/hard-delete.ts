import { HOUR_MS } from '../../../domain/calendar.ts';
import type { BlockedSubject } from '../../../domain/batch.ts';
import type { Batch, ConnectorContext, Deletion, HardDeletion } from '../../connector.ts';
import type { HttpError } from '../failure.ts';
import { type Context, type Deleting, callOf } from './context.ts';
import { type RangeOutcome, askForRange, deleteRange } from './delete-range.ts';
import { rangesOf } from './people.ts';
import { ticketsOf } from './tickets.ts';

/** A call that takes longer ends between two ranges, so that one activity does not run for days. */
const LONGEST_CALL_MS = 6 * HOUR_MS;

/**
 * Deletes range by range. A range whose work the system does later is finished by the first call that finds all of it
 * done. A ticket that failed ends the call only after the other ranges.
 */
export async function hardDelete(
  context: Context,
  batch: Batch,
  deletion: HardDeletion,
  activity: ConnectorContext,
): Promise<Deletion> {
  const startedAt = performance.now();
  // Whole milliseconds, so that a call at `continueAt` is not too early by a fraction.
  const now = () => deletion.at.getTime() + Math.floor(performance.now() - startedAt);
  const deleting: Deleting = { ...callOf(context, batch, deletion.scope, activity), deletion, now };
  const blocked: BlockedSubject[] = [];
  let failure: HttpError | null = null;
  let [continueAt, attestedAt] = [0, 0];
  for await (const range of rangesOf(deleting)) {
    if (deletion.isFinished(range.key)) continue;
    if (now() - deletion.at.getTime() > LONGEST_CALL_MS) return { continueAt: new Date(now()) };
    activity.heartbeat();
    const tickets = ticketsOf(deletion, range.key);
    const outcome: RangeOutcome =
      tickets.askAt === null
        ? await deleteRange(deleting, range, tickets)
        : await askForRange(deleting, range, tickets);
    if (outcome.state === 'pending') continueAt = Math.max(continueAt, outcome.askAt);
    else if (outcome.state === 'failed') failure ??= outcome.error;
    else {
      attestedAt = Math.max(attestedAt, outcome.attestedAt ?? 0);
      blocked.push(...outcome.blocked.map((seq) => ({ seq, table: null, constraint: null })));
    }
  }
  if (failure !== null) throw failure;
  // A date has whole milliseconds, and an earlier one would only be asked for again.
  if (continueAt > 0) return { continueAt: new Date(Math.ceil(continueAt)) };
  return {
    done: true,
    ...(blocked.length === 0 ? {} : { blocked }),
    // After a crash, the last range may have been finished by an earlier call.
    ...(context.settings.ask === undefined ? {} : { attestedAt: new Date(attestedAt || now()) }),
  };
}
