import { COLLECTED } from '../../data-map/build-models.ts';
import type { Batch, ConnectorContext } from '../../connector.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { type Range, rangesOf } from '../../figures/ranges.ts';
import { IDENTITIES, type Members, valueNames } from '../batch/identities.ts';
import { between } from '../batch/selections.ts';
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
    for (const range of rangesOf(loaded.members.seqs, SUBJECTS_PER_COMMIT)) {
      throwIfCancelled(activity.signal);
      activity.heartbeat();
      await (suppressed ? suppress(loaded, range) : liftSuppressions(loaded, range));
    }
  });
}

/** Adds a suppression for every identity of the range. */
export async function suppress(loaded: LoadedBatch, range: Range): Promise<void> {
  await writeDigests(loaded, range);
  await loaded.session.run(
    `INSERT IGNORE INTO lethe_suppressions (digest, \`system\`, kind)
     SELECT DISTINCT found.digest, ?, ${literal(loaded.model.kind)} FROM ${IDENTITIES} AS found
     WHERE ${between('found', range)} AND found.digest IS NOT NULL`,
    [loaded.members.system],
  );
}

async function liftSuppressions(loaded: LoadedBatch, range: Range): Promise<void> {
  await writeDigests(loaded, range);
  await loaded.session.run(
    `DELETE s FROM ${IDENTITIES} AS found STRAIGHT_JOIN lethe_suppressions AS s ON s.digest = found.digest
     WHERE ${between('found', range)}`,
  );
}

/** Computes the digests of the identities of a range once. Rows that were collected are no identities. */
export async function writeDigests({ session, model, members }: LoadedBatch, range: Range): Promise<void> {
  await session.run(
    `UPDATE ${IDENTITIES} AS found
     SET found.digest = lethe_digest(?, ${literal(model.kind)}, found.type, ${valueSql(members)})
     WHERE ${between('found', range)} AND found.digest IS NULL AND found.type NOT LIKE '${COLLECTED}%'`,
    [members.system],
  );
}

/** CONCAT_WS leaves out the values that a shorter identity does not have. */
const valueSql = ({ parts }: Members): string =>
  `CONCAT_WS(CHAR(1 USING utf8mb4) COLLATE utf8mb4_bin, ${valueNames(parts)
    .map((name) => `found.${name}`)
    .join(', ')})`;
