import { type Batch, type VisibilityChange, type Work, ConnectorError } from '../connector.ts';
import { type Members, within } from './batch-table.ts';
import { type Catalog, typeOf } from './catalog.ts';
import { type Context, type Loaded, withBatch } from './context.ts';
import { obey } from './failure.ts';
import type { KindModel } from './model.ts';
import { memberRanges } from './ranges.ts';
import { isRetried, retrying } from './retry.ts';
import { ident, literal, relation } from './sql.ts';
import { MEMBERS, sidesOf } from './where.ts';

/** Large enough to be one commit for a small request, small enough to lock few rows of a busy table. */
const SUBJECTS_PER_COMMIT = 1_000;

/** Hides or shows: tombstones, and the soft-delete column where there is one, in one transaction per chunk. */
export async function setVisibility(
  context: Context,
  batch: Batch,
  change: VisibilityChange,
  work: Work,
): Promise<void> {
  await withBatch(context, batch, work, async (loaded) => {
    for (const { first, last } of await memberRanges(loaded.session, loaded.members, SUBJECTS_PER_COMMIT)) {
      obey(work.signal);
      work.heartbeat();
      const members = within(loaded.members, first, last);
      await retrying(context.server.tuning, isRetried, () =>
        loaded.session.transaction(() => (change.hidden ? hide : show)(context, loaded, members, change)),
      );
    }
  });
}

/** A newer generation wins; the same one again goes on where it stopped; an older one changes nothing. */
async function tombstones(
  context: Context,
  { session, model }: Loaded,
  members: Members,
  change: VisibilityChange,
): Promise<void> {
  await session.run(
    `INSERT INTO lethe_processor.tombstones AS old (processor, kind, digest, generation, request_id, hidden)
     SELECT DISTINCT ON (digest) $1, ${literal(model.kind)}, digest, $6::bigint, $2, $7::boolean
     FROM (SELECT ${digestOf(context, model, 'value')} AS digest FROM lethe_processor.batch
           WHERE ${MEMBERS} AND type = ${literal(model.keyType)}) AS keys ORDER BY digest
     ON CONFLICT (kind, digest, processor) DO UPDATE
       SET generation = excluded.generation, request_id = excluded.request_id, hidden = excluded.hidden
       WHERE old.generation <= excluded.generation`,
    [...members, change.generation, change.hidden],
  );
}

async function hide(context: Context, loaded: Loaded, members: Members, change: VisibilityChange): Promise<void> {
  await tombstones(context, loaded, members, change);
  const flag = flagOf(loaded.model, loaded.catalog);
  if (flag === undefined) return;
  const { session, model, catalog } = loaded;
  await session.run(
    `WITH rows AS (
       SELECT own.${ident(flag.key)} AS key FROM ${relation(model.map.table)} AS own
       WHERE ${chosen(context, model, catalog, 't.hidden')} AND own.${flag.column} ${flag.isShown}
       ORDER BY own.${ident(flag.key)} FOR UPDATE),
     flagged AS (
       UPDATE ${relation(model.map.table)} AS own SET ${flag.column} = ${flag.hidden('$7')}
       FROM rows WHERE own.${ident(flag.key)} = rows.key RETURNING own.${ident(flag.key)}::text AS key)
     UPDATE lethe_processor.tombstones SET flagged_at = $7::timestamptz FROM flagged
     WHERE kind = ${literal(model.kind)} AND processor = $1 AND digest = ${digestOf(context, model, 'ARRAY[flagged.key]')}`,
    [...members, change.generation, change.at],
  );
}

async function show(context: Context, loaded: Loaded, members: Members, change: VisibilityChange): Promise<void> {
  await tombstones(context, loaded, members, change);
  const flag = flagOf(loaded.model, loaded.catalog);
  if (flag === undefined) return;
  const { session, model, catalog } = loaded;
  const own = sidesOf(model.map.table, model.key, catalog, { column: 'own.', value: 'b.' })[0];
  if (own === undefined) return;
  // Only a flag that Lethe set, and that still says what Lethe wrote: somebody else's deletion stays.
  await session.run(
    `WITH ours AS (
       SELECT ${own.value} AS key, t.flagged_at FROM lethe_processor.batch AS b JOIN lethe_processor.tombstones AS t
         ON t.kind = ${literal(model.kind)} AND t.processor = $1 AND t.digest = ${digestOf(context, model, 'b.value')}
       WHERE b.processor = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
         AND b.type = ${literal(model.keyType)} AND t.generation = $6::bigint AND t.flagged_at IS NOT NULL)
     UPDATE ${relation(model.map.table)} AS own SET ${flag.column} = ${flag.shown} FROM ours
     WHERE ${own.column} = ours.key AND own.${flag.column} = ${flag.hidden('ours.flagged_at')}`,
    [...members, change.generation],
  );
  await session.run(
    `UPDATE lethe_processor.tombstones SET flagged_at = NULL
     WHERE kind = ${literal(model.kind)} AND processor = $1 AND generation = $6::bigint AND digest = ANY (ARRAY(
       SELECT ${digestOf(context, model, 'value')} FROM lethe_processor.batch WHERE ${MEMBERS} AND type = ${literal(model.keyType)}))`,
    [...members, change.generation],
  );
}

/** The subject's rows whose tombstone carries this very change. */
function chosen(context: Context, model: KindModel, catalog: Catalog, also: string): string {
  const [own] = sidesOf(model.map.table, model.key, catalog, { column: 'own.', value: 'b.' });
  return `${own?.column ?? 'NULL'} = ANY (ARRAY(
    SELECT ${own?.value ?? 'NULL'} FROM lethe_processor.batch AS b JOIN lethe_processor.tombstones AS t
      ON t.kind = ${literal(model.kind)} AND t.processor = $1 AND t.digest = ${digestOf(context, model, 'b.value')}
    WHERE b.processor = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
      AND b.type = ${literal(model.keyType)} AND t.generation = $6::bigint AND ${also}))`;
}

const digestOf = (context: Context, model: KindModel, value: string): string =>
  `lethe_processor.digest(${[context.processor, model.kind, model.keyType].map(literal).join(', ')}, ${value})`;

interface Flag {
  readonly key: string;
  readonly column: string;
  readonly shown: string;
  readonly isShown: string;
  hidden(instant: string): string;
}

function flagOf(model: KindModel, catalog: Catalog): Flag | undefined {
  const key = model.key.columns[0];
  if (model.map.softDelete === undefined || key === undefined) return undefined;
  const type = typeOf(catalog, model.map.table, model.map.softDelete.column);
  const column = ident(model.map.softDelete.column);
  if (type.base === 'bool') return { key, column, shown: 'false', isShown: 'IS NOT TRUE', hidden: () => 'true' };
  if (!['timestamptz', 'timestamp', 'date'].includes(type.base))
    throw new ConnectorError('coverage_broken', 'the soft-delete column is neither an instant nor a boolean', {
      retryable: false,
    });
  // With the column's own precision, so that what was rounded at writing is still recognised.
  return {
    key,
    column,
    shown: 'NULL',
    isShown: 'IS NULL',
    hidden: (instant) => `${instant}::timestamptz::${type.full}`,
  };
}
