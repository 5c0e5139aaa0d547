import type { Batch, ConnectorContext } from '../../connector.ts';
import { memberRanges } from '../delete/ranges.ts';
import type { Range } from '../../figures/ranges.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { membersInRange, unloadBatch } from './batch-table.ts';
import { type Context, type LoadedBatch, withBatch } from '../context.ts';
import { literal } from '../sql.ts';

/** Bounds the time of one statement. */
const SUBJECTS_PER_COMMIT = 1_000;

/** Adds or lifts a suppression for exactly the identities of the batch. */
export async function setSuppression(
  context: Context,
  batch: Batch,
  suppressed: boolean,
  activity: ConnectorContext,
): Promise<void> {
  await withBatch(context, batch, activity, async (loaded) => {
    for (const range of await memberRanges(loaded.session, loaded.members, SUBJECTS_PER_COMMIT)) {
      throwIfCancelled(activity.signal);
      activity.heartbeat();
      await (suppressed ? suppress(loaded, range) : liftSuppressions(loaded, range));
    }
    await unloadBatch(loaded.session, loaded.members);
  });
}

/** Adds a suppression for every identity of the range. */
export async function suppress({ session, model, members }: LoadedBatch, range: Range): Promise<void> {
  await session.run(
    `INSERT INTO lethe_system.suppressions (system, kind, digest)
     SELECT DISTINCT ON (digest) $1, ${literal(model.kind)}, digest FROM (${digests(model.kind)}) AS digests ORDER BY digest
     ON CONFLICT DO NOTHING`,
    membersInRange(members, range.first, range.last),
  );
}

async function liftSuppressions({ session, model, members }: LoadedBatch, range: Range): Promise<void> {
  await session.run(
    `DELETE FROM lethe_system.suppressions
     WHERE digest = ANY (ARRAY(${digests(model.kind)}))`,
    membersInRange(members, range.first, range.last),
  );
}

const digests = (kind: string): string =>
  `SELECT digest FROM lethe_system.members($1, $2, $3, $4::int, $5::int, ${literal(kind)}, NULL)`;
