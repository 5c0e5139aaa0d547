import { type Batch, type ConnectorContext, ConnectorError, type VisibilityChange } from '../../connector.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { type Range, rangesOf } from '../../figures/ranges.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { retry } from '../../retry.ts';
import { IDENTITIES } from '../batch/identities.ts';
import { between, matchCondition } from '../batch/selections.ts';
import { typeOf } from '../catalog/columns.ts';
import { type Context, type LoadedBatch, withBatch } from '../context.ts';
import { isConflict } from '../failure.ts';
import { ident, literal, relation } from '../sql.ts';
import { writeDigests } from './suppression.ts';

/** A small request needs one commit, and a large one never locks many rows of a busy table. */
const SUBJECTS_PER_COMMIT = 1_000;

/** Hides or restores subjects: writes tombstones and the soft-delete column, in one transaction per chunk. */
export async function setVisibility(
  context: Context,
  batch: Batch,
  change: VisibilityChange,
  activity: ConnectorContext,
): Promise<void> {
  await withBatch(context, batch, activity, async (loaded) => {
    for (const range of rangesOf(loaded.members.seqs, SUBJECTS_PER_COMMIT)) {
      throwIfCancelled(activity.signal);
      activity.heartbeat();
      await writeDigests(loaded, range);
      await retry(context.server.tuning, isConflict, () =>
        loaded.session.transaction(async () => {
          await writeTombstones(loaded, range, change);
          await (change.hidden ? flag : unflag)(loaded, range, change);
        }),
      );
    }
  });
}

/** Idempotent. Overwrites tombstones of the same or an older generation, and no newer ones. */
async function writeTombstones(
  { session, model, members }: LoadedBatch,
  range: Range,
  { generation, hidden }: VisibilityChange,
): Promise<void> {
  // An assignment sees the values of those before it, so the generation is the last.
  const assigned = ['request_id', 'seq', 'hidden', 'generation'].map(
    (column) =>
      `${column} = IF(lethe_tombstones.generation <= VALUES(generation), VALUES(${column}), lethe_tombstones.${column})`,
  );
  await session.run(
    `INSERT INTO lethe_tombstones (digest, \`system\`, kind, generation, request_id, seq, hidden)
     SELECT found.digest, ?, ${literal(model.kind)}, ${Number(generation)}, ?, MIN(found.seq), ${String(hidden)}
     FROM ${IDENTITIES} AS found WHERE ${isKey(model.keyType)} AND ${between('found', range)} GROUP BY found.digest
     ON DUPLICATE KEY UPDATE ${assigned.join(', ')}`,
    [members.system, members.requestId],
  );
}

const isKey = (keyType: string): string => `found.type = ${literal(keyType)}`;

async function flag(loaded: LoadedBatch, range: Range, { generation, at }: VisibilityChange): Promise<void> {
  const column = flagOf(loaded);
  if (column === undefined) return;
  await loaded.session.run(
    `UPDATE ${ownRows(loaded)}
     SET own.${column.name} = ${column.isBoolean ? 'true' : '?'}, t.flagged_at = ?${column.kept}
     WHERE ${isKey(loaded.model.keyType)} AND ${between('found', range)} AND t.generation = ${Number(generation)} AND t.hidden
       AND ${column.isBoolean ? `own.${column.name} IS NOT TRUE` : `own.${column.name} IS NULL`}`,
    column.isBoolean ? [column.time(at)] : [column.time(at), column.time(at)],
  );
}

/** Resets a flag only if it still has the value that Lethe wrote: a deletion by the application stays. */
async function unflag(loaded: LoadedBatch, range: Range, { generation }: VisibilityChange): Promise<void> {
  const column = flagOf(loaded);
  if (column === undefined) return;
  const { session, model } = loaded;
  const selected = `${isKey(model.keyType)} AND ${between('found', range)} AND t.generation = ${Number(generation)} AND t.flagged_at IS NOT NULL`;
  await session.run(
    `UPDATE ${ownRows(loaded)} SET own.${column.name} = ${column.isBoolean ? 'false' : 'NULL'}${column.kept}
     WHERE ${selected} AND ${column.isBoolean ? `own.${column.name} IS TRUE` : `own.${column.name} = t.flagged_at`}`,
  );
  await session.run(
    `UPDATE ${IDENTITIES} AS found STRAIGHT_JOIN lethe_tombstones AS t ON t.digest = found.digest
     SET t.flagged_at = NULL WHERE ${selected}`,
  );
}

/** The identities, their tombstones, and the rows of the subjects themselves. */
function ownRows({ model, catalog }: LoadedBatch): string {
  const { table } = model.map;
  return `${IDENTITIES} AS found STRAIGHT_JOIN lethe_tombstones AS t ON t.digest = found.digest
    STRAIGHT_JOIN ${relation(table)} AS own ON ${matchCondition(table, model.key, catalog, 'own.', 'found.')}`;
}

interface SoftDeleteFlag {
  readonly name: string;
  readonly isBoolean: boolean;
  /** Assignments that keep columns which the server would set to the current time. */
  readonly kept: string;
  /** The time in the precision of the column, so that a restore recognizes it. */
  time(at: Date): string;
}

function flagOf({ model, catalog }: LoadedBatch): SoftDeleteFlag | undefined {
  const { softDelete, table } = model.map;
  if (softDelete === undefined) return undefined;
  const { family, base, precision } = typeOf(catalog, table, softDelete.column);
  if (family !== 'boolean' && family !== 'timestamp')
    throw new ConnectorError('coverage_broken', 'the soft-delete column is neither a timestamp nor a boolean', {
      retryable: false,
    });
  const columns = [...(catalog.columns.get(qualifiedName(table)) ?? [])];
  const kept = columns
    .filter(([name, type]) => type.updatesItself && name !== softDelete.column)
    .map(([name]) => `, own.${ident(name)} = own.${ident(name)}`);
  return {
    name: ident(softDelete.column),
    isBoolean: family === 'boolean',
    kept: kept.join(''),
    time: (at) => timeText(at, base === 'date' ? null : precision),
  };
}

/** Null: the day. */
function timeText(at: Date, precision: number | null): string {
  const [day = '', time = ''] = at.toISOString().split('T');
  if (precision === null) return day;
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
  return `${day} ${seconds}${precision === 0 ? '' : `.${fraction.slice(0, precision)}`}`;
}
