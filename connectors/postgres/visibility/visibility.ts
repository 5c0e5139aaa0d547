import { type Batch, type ConnectorContext, ConnectorError, type VisibilityChange } from '../../connector.ts';
import { type Members, within } from './batch-table.ts';
import { columnSide } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { type Context, type Loaded, withBatch } from '../context.ts';
import { obey } from '../failure.ts';
import type { KindModel } from '../data-map/model.ts';
import { memberRanges } from '../delete/ranges.ts';
import { isRetried, retrying } from '../session.ts';
import { ident, literal, relation } from '../sql.ts';
import { sidesOf } from '../data-map/where.ts';

/** Large enough to be one commit for a small request, small enough to lock few rows of a busy table. */
const SUBJECTS_PER_COMMIT = 1_000;

/** Hides or shows: tombstones, and the soft-delete column where there is one, in one transaction per chunk. */
export async function setVisibility(
  context: Context,
  batch: Batch,
  change: VisibilityChange,
  work: ConnectorContext,
): Promise<void> {
  await withBatch(context, batch, work, async (loaded) => {
    for (const { first, last } of await memberRanges(loaded.session, loaded.members, SUBJECTS_PER_COMMIT)) {
      obey(work.signal);
      work.heartbeat();
      const members = within(loaded.members, first, last);
      await retrying(context.server.tuning, isRetried, () =>
        loaded.session.transaction(() => (change.hidden ? hide : show)(loaded, members, change)),
      );
    }
  });
}

/** A newer generation wins; the same one again goes on where it stopped; an older one changes nothing. */
async function tombstones({ session, model }: Loaded, members: Members, change: VisibilityChange): Promise<void> {
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

async function hide(loaded: Loaded, members: Members, change: VisibilityChange): Promise<void> {
  await tombstones(loaded, members, change);
  const flag = flagOf(loaded.model, loaded.catalog);
  if (flag === undefined) return;
  const own = relation(loaded.model.map.table);
  await loaded.session.run(
    `WITH meant AS MATERIALIZED (${meant(loaded, 't.hidden')}),
     rows AS (
       SELECT own.${flag.key} AS key FROM ${own} AS own
       WHERE ${flag.keySide('own')} = ANY (ARRAY(SELECT key FROM meant)) AND own.${flag.column} ${flag.isShown}
       ORDER BY own.${flag.key} FOR UPDATE),
     flagged AS (
       UPDATE ${own} AS own SET ${flag.column} = ${flag.hidden('$7')} FROM rows WHERE own.${flag.key} = rows.key
       RETURNING own.${flag.key}::text AS key)
     UPDATE lethe_system.tombstones AS t SET flagged_at = $7::timestamptz
     WHERE t.digest = ANY (ARRAY(
       SELECT lethe_system.digest($1, ${literal(loaded.model.kind)}, ${literal(loaded.model.keyType)}, ARRAY[key])
       FROM flagged))`,
    [...members, change.generation, change.at],
  );
}

/** Only a flag that Lethe set, and that still says what Lethe wrote: somebody else's deletion stays. */
async function show(loaded: Loaded, members: Members, change: VisibilityChange): Promise<void> {
  await tombstones(loaded, members, change);
  const flag = flagOf(loaded.model, loaded.catalog);
  if (flag === undefined) return;
  await loaded.session.run(
    `WITH meant AS MATERIALIZED (${meant(loaded, 't.flagged_at IS NOT NULL')}),
     shown AS (
       UPDATE ${relation(loaded.model.map.table)} AS own SET ${flag.column} = ${flag.shown} FROM meant
       WHERE ${flag.keySide('own')} = meant.key AND own.${flag.column} = ${flag.hidden('meant.flagged_at')})
     UPDATE lethe_system.tombstones AS t SET flagged_at = NULL
     WHERE t.digest = ANY (ARRAY(SELECT digest FROM meant))`,
    [...members, change.generation],
  );
}

const keysOf = ({ kind, keyType }: KindModel): string =>
  `lethe_system.members($1, $2, $3, $4::int, $5::int, ${literal(kind)}, ${literal(keyType)}) AS m`;

/** The subjects whose tombstone carries this very change, by key as the column has it; OFFSET 0: one probe for each. */
function meant({ model, catalog }: Loaded, condition: string): string {
  const [own] = sidesOf(model.map.table, model.key, catalog, { column: '', value: 'm.' });
  return `SELECT ${own?.value ?? 'NULL'} AS key, m.digest, t.flagged_at FROM ${keysOf(model)}, LATERAL (
      SELECT flagged_at FROM lethe_system.tombstones AS t
      WHERE t.digest = m.digest AND t.generation = $6::bigint AND ${condition} OFFSET 0) AS t`;
}

interface Flag {
  readonly key: string;
  readonly column: string;
  readonly shown: string;
  readonly isShown: string;
  hidden(timestamp: string): string;
  /** The key of a relation as its index has it. */
  keySide(of: string): string;
}

function flagOf(model: KindModel, catalog: Catalog): Flag | undefined {
  const name = model.key.columns[0];
  if (model.map.softDelete === undefined || name === undefined) return undefined;
  const key = ident(name);
  const keySide = (of: string): string =>
    columnSide(`${of}.${key}`, typeOf(catalog, model.map.table, name), model.key.comparison);
  const type = typeOf(catalog, model.map.table, model.map.softDelete.column);
  const column = ident(model.map.softDelete.column);
  if (type.base === 'bool')
    return { key, column, shown: 'false', isShown: 'IS NOT TRUE', hidden: () => 'true', keySide };
  if (!['timestamptz', 'timestamp', 'date'].includes(type.base))
    throw new ConnectorError('coverage_broken', 'the soft-delete column is neither a timestamp nor a boolean', {
      retryable: false,
    });
  // With the column's own precision, so that what was rounded at writing is still recognised.
  return {
    key,
    column,
    shown: 'NULL',
    isShown: 'IS NULL',
    hidden: (timestamp) => `${timestamp}::timestamptz::${type.full}`,
    keySide,
  };
}
