import { type Batch, type ConnectorContext, ConnectorError, type VisibilityChange } from '../../connector.ts';
import { type Members, membersInRange } from './batch-table.ts';
import { isTimestamp } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { type Context, type LoadedBatch, withBatch } from '../context.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import type { KindModel } from '../../data-map/model.ts';
import { memberRanges } from '../delete/ranges.ts';
import { retry } from '../../retry.ts';
import { isConflict } from '../session.ts';
import { ident, literal, relation } from '../sql.ts';
import { sidesOf } from '../rows/where.ts';

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
    for (const { first, last } of await memberRanges(loaded.session, loaded.members, SUBJECTS_PER_COMMIT)) {
      throwIfCancelled(activity.signal);
      activity.heartbeat();
      const members = membersInRange(loaded.members, first, last);
      await retry(context.server.tuning, isConflict, () =>
        loaded.session.transaction(() => (change.hidden ? hide : restore)(loaded, members, change)),
      );
    }
  });
}

/** Idempotent. Overwrites tombstones of the same or an older generation, and no newer ones. */
async function writeTombstones(
  { session, model }: LoadedBatch,
  members: Members,
  change: VisibilityChange,
): Promise<void> {
  await session.run(
    `INSERT INTO lethe_system.tombstones AS old (system, kind, digest, generation, request_id, hidden)
     SELECT DISTINCT ON (digest) $1, ${literal(model.kind)}, digest, $6::bigint, $2, $7::boolean
     FROM ${keysOf(model)} ORDER BY digest
     ON CONFLICT (digest) DO UPDATE
       SET generation = excluded.generation, request_id = excluded.request_id, hidden = excluded.hidden
       WHERE old.generation <= excluded.generation`,
    [...members, change.generation, change.hidden],
  );
}

async function hide(loaded: LoadedBatch, members: Members, change: VisibilityChange): Promise<void> {
  await writeTombstones(loaded, members, change);
  const flag = flagOf(loaded.model, loaded.catalog);
  if (flag === undefined) return;
  const own = relation(loaded.model.map.table);
  await loaded.session.run(
    `WITH selected AS MATERIALIZED (${selectedSubjects(loaded, 't.hidden')}),
     rows AS (
       SELECT ${flag.key('own')} FROM ${own} AS own
       WHERE ${flag.isSelected} AND own.${flag.column} ${flag.isVisible}
       ORDER BY ${flag.key('own')} FOR UPDATE),
     flagged AS (
       UPDATE ${own} AS own SET ${flag.column} = ${flag.hiddenValue('$7')} FROM rows
       WHERE (${flag.key('own')}) = (${flag.key('rows')})
       RETURNING ARRAY[${flag.keyTexts}] AS key)
     UPDATE lethe_system.tombstones AS t SET flagged_at = $7::timestamptz
     WHERE t.digest = ANY (ARRAY(
       SELECT lethe_system.digest($1, ${literal(loaded.model.kind)}, ${literal(loaded.model.keyType)}, key)
       FROM flagged))`,
    [...members, change.generation, change.at],
  );
}

/** Resets a flag only if it still has the value that Lethe wrote: a deletion by the application stays. */
async function restore(loaded: LoadedBatch, members: Members, change: VisibilityChange): Promise<void> {
  await writeTombstones(loaded, members, change);
  const flag = flagOf(loaded.model, loaded.catalog);
  if (flag === undefined) return;
  await loaded.session.run(
    `WITH selected AS MATERIALIZED (${selectedSubjects(loaded, 't.flagged_at IS NOT NULL')}),
     restored AS (
       UPDATE ${relation(loaded.model.map.table)} AS own SET ${flag.column} = ${flag.visibleValue} FROM selected
       WHERE ${flag.joinsSelected} AND own.${flag.column} = ${flag.hiddenValue('selected.flagged_at')})
     UPDATE lethe_system.tombstones AS t SET flagged_at = NULL
     WHERE t.digest = ANY (ARRAY(SELECT digest FROM selected))`,
    [...members, change.generation],
  );
}

const keysOf = ({ kind, keyType }: KindModel): string =>
  `lethe_system.members($1, $2, $3, $4::int, $5::int, ${literal(kind)}, ${literal(keyType)}) AS m`;

/** The subjects whose tombstone has this generation. OFFSET 0 forces one index lookup per subject. */
function selectedSubjects({ model, catalog }: LoadedBatch, condition: string): string {
  const sides = sidesOf(model.map.table, model.key, catalog, { column: '', value: 'm.' });
  const keys = sides.map(({ value }, index) => `${value} AS key_${index}`).join(', ');
  return `SELECT ${keys}, m.digest, t.flagged_at FROM ${keysOf(model)}, LATERAL (
      SELECT flagged_at FROM lethe_system.tombstones AS t
      WHERE t.digest = m.digest AND t.generation = $6::bigint AND ${condition} OFFSET 0) AS t`;
}

interface SoftDeleteFlag {
  readonly column: string;
  readonly visibleValue: string;
  readonly isVisible: string;
  /** The key columns of rows `own`, in the form of their index, are those of a selected subject. */
  readonly isSelected: string;
  readonly joinsSelected: string;
  /** The key columns of rows `own` as texts. */
  readonly keyTexts: string;
  hiddenValue(timestamp: string): string;
  /** The key columns of a relation. */
  key(of: string): string;
}

function flagOf(model: KindModel, catalog: Catalog): SoftDeleteFlag | undefined {
  const { softDelete, table } = model.map;
  if (softDelete === undefined) return undefined;
  const column = ident(softDelete.column);
  const common = { column, ...keyForms(model, catalog) };
  const type = typeOf(catalog, table, softDelete.column);
  if (type.base === 'bool')
    return { ...common, visibleValue: 'false', isVisible: 'IS NOT TRUE', hiddenValue: () => 'true' };
  if (!isTimestamp(type))
    throw new ConnectorError('coverage_broken', 'the soft-delete column is neither a timestamp nor a boolean', {
      retryable: false,
    });
  // Cast to the precision of the column, so that a restore recognizes the rounded value.
  const hiddenValue = (timestamp: string): string => `${timestamp}::timestamptz::${type.full}`;
  return { ...common, visibleValue: 'NULL', isVisible: 'IS NULL', hiddenValue };
}

function keyForms(
  model: KindModel,
  catalog: Catalog,
): Pick<SoftDeleteFlag, 'isSelected' | 'joinsSelected' | 'keyTexts' | 'key'> {
  const columns = model.key.columns.map(ident);
  const compared = sidesOf(model.map.table, model.key, catalog, { column: 'own.', value: 'm.' }).map(
    ({ column }) => column,
  );
  const names = columns.map((_, index) => `key_${index}`);
  const [only = ''] = compared;
  return {
    isSelected:
      compared.length === 1
        ? `${only} = ANY (ARRAY(SELECT key_0 FROM selected))`
        : `(${compared.join(', ')}) IN (SELECT ${names.join(', ')} FROM selected)`,
    joinsSelected: compared.map((column, index) => `${column} = selected.key_${index}`).join(' AND '),
    keyTexts: columns.map((column) => `own.${column}::text`).join(', '),
    key: (of) => columns.map((column) => `${of}.${column}`).join(', '),
  };
}
