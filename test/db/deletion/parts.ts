import type { NewRequest } from '../../../db/requests/create.ts';
import { recordAttempt } from '../../../db/deletion/attempts.ts';
import { recordVerification } from '../../../db/deletion/batches.ts';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { listSubjects } from '../../../db/subjects/list.ts';
import type { FinishedRange } from '../../../domain/batch.ts';
import type { SystemEntry } from '../../../domain/catalog.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import type { Identity } from '../../../domain/identity.ts';
import {
  accept,
  allKnown,
  APP,
  days,
  type Ledger,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  START,
  statusAt,
} from '../../support/ledger.ts';

/** A system like `app` that cannot hide subjects. */
export const MAIL: SystemEntry = { ...APP, name: 'mail', hides: false };

/** A part deletion that is resolved and waits for its run. */
export async function scheduled(
  world: Ledger,
  names: readonly Identity[],
  changes: Partial<NewRequest> = {},
): Promise<string> {
  const requestId = await accept(world, names, { scope: 'categories', ...changes });
  await resolve(world, requestId, allKnown(names), { systems: [APP, MAIL] });
  await reconcileAt(world, requestId, START);
  return requestId;
}

export const cancel = (world: Ledger, requestId: string) =>
  cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: days(3) });
export const statusOf = (world: Ledger, requestId: string) => statusAt(world.database, requestId, START);
export const outcomes = async (world: Ledger, requestId: string) =>
  (await listSubjects(world.database, { requestId, project: PROJECT, after: 0, limit: 100 })).map(
    ({ outcome }) => outcome,
  );

/** Finishes the claimed batch in all systems, with two verifications that find nothing. */
export async function finish(
  world: Ledger,
  requestId: string,
  ranges: readonly Partial<FinishedRange>[] = [],
): Promise<void> {
  const [key, settleMs] = [{ requestId, project: PROJECT, system: 'app', batch: 1 }, POLICY.settleMs];
  for (const [index, range] of ranges.entries())
    await recordRange(world.database, key, 1, {
      firstSeq: index + 1,
      lastSeq: index + 1,
      part: 0,
      tables: [],
      retained: [],
      ...range,
    });
  for (const system of Object.keys((await statusOf(world, requestId)).systems ?? {})) {
    await recordAttempt(world.database, { ...key, system }, { attempt: null, pass: 1, at: RUN }, { blocked: [] });
    for (const now of [RUN.getTime(), RUN.getTime() + DAY_MS])
      await recordVerification(world.database, { ...key, system }, { survivors: 0 }, { now, settleMs });
  }
  await reconcileAt(world, requestId, new Date(RUN.getTime() + DAY_MS));
}
