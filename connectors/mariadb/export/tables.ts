import { type ExportOptions, type ExportedColumn, type ExportedTable, ConnectorError } from '../../connector.ts';
import { type Target, qualifiedColumn } from '../../data-map/model.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { isSameRow, rowKeySelect, rowNames } from '../batch/row-keys.ts';
import { selectRows } from '../batch/selections.ts';
import { typeOf } from '../catalog/columns.ts';
import type { Family } from '../catalog/types.ts';
import { anyColumnFilled, planClearing } from '../changes/clearing.ts';
import type { LoadedBatch } from '../context.ts';
import { ident, literal, relation } from '../sql.ts';

/** A table of an export, with the rest of a SELECT of its rows `own` and their `owned.owners`. */
export interface SelectedTable extends Omit<ExportedTable, 'rows' | 'figures'> {
  readonly families: readonly Family[];
  readonly from: string;
}

/** Without rows of other persons and omitted columns. The subject's own table is the first. A table with two entries appears once, with the rows of both. */
export function selectTables(loaded: LoadedBatch, options: ExportOptions): readonly SelectedTable[] {
  const exported = loaded.model.targets.filter(({ isExported }) => isExported);
  const ownTable = exported.filter(({ role }) => role === 'subject');
  const byTable = Map.groupBy([...ownTable, ...exported], ({ table }) => qualifiedName(table));
  return [...byTable.entries()]
    .map(([table, targets]) => selectTable(table, [...new Set(targets)], loaded, options))
    .filter(({ columns }) => columns.length > 0);
}

function selectTable(
  table: string,
  targets: readonly Target[],
  loaded: LoadedBatch,
  options: ExportOptions,
): SelectedTable {
  const { model, catalog } = loaded;
  const sources = new Set(targets.flatMap((target) => target.sources));
  const meanings = Object.fromEntries(targets.flatMap(({ wording }) => Object.entries(wording.columns ?? {})));
  const bases = targets.flatMap(({ retain }) => (retain === undefined ? [] : [retain.basis]));
  const isOmitted = (name: string): boolean => model.omittedColumns.has(qualifiedColumn(table, name));
  const all: ExportedColumn[] = [...(catalog.columns.get(table) ?? [])]
    .filter(([name]) => !isOmitted(name))
    .map(([name, { full: type }]) => ({ name, type, meaning: meanings[name] ?? null, source: sources.has(name) }));
  const columns = options.scope === 'sources' ? all.filter(({ source }) => source) : all;
  const windowed = options.since !== null && targets.every(({ time }) => time !== undefined);
  return {
    table,
    meaning: targets.find(({ wording }) => wording.about !== undefined)?.wording.about ?? null,
    columns,
    families: columns.map(({ name }) => typeOf(catalog, table, name).family),
    windowed,
    retained: bases.length === 0 ? null : [...new Set(bases)].join('; '),
    anonymised: targets.flatMap((target) => Object.keys(target.anonymise ?? {})).filter((name) => !isOmitted(name)),
    from: rowsFrom(table, targets, loaded, windowed ? options : { ...options, since: null }),
  };
}

/** Each row once, with all its owners, whichever entries and identities find it. */
function rowsFrom(table: string, targets: readonly Target[], loaded: LoadedBatch, options: ExportOptions): string {
  const { model, catalog, members } = loaded;
  const range = { first: members.firstSeq, last: members.lastSeq };
  const keys = rowKeySelect(catalog, table);
  const found = targets.flatMap((target) =>
    selectRows(target, keys, { model, catalog, range, isExport: true }, rowCondition(target, loaded, options)),
  );
  const names = rowNames(catalog, table).join(', ');
  return `FROM (
      SELECT ${names}, GROUP_CONCAT(DISTINCT seq ORDER BY seq SEPARATOR ' ') AS owners
      FROM (${
        found.join(' UNION ALL ') ||
        `SELECT 0 AS seq, ${rowNames(catalog, table)
          .map((name) => `NULL AS ${name}`)
          .join(', ')} LIMIT 0`
      }) AS found GROUP BY ${names}) AS owned
    STRAIGHT_JOIN ${relation(table)} AS own ON ${isSameRow(catalog, table, 'own', 'owned')}`;
}

/** A row whose time is NULL is inside the window. */
function rowCondition(target: Target, { model, catalog }: LoadedBatch, { scope, since }: ExportOptions): string {
  const plan = scope === 'sources' ? planClearing(target, scope, model, catalog) : undefined;
  const parts = plan?.kept.length === 0 ? [anyColumnFilled(plan)] : [];
  if (since !== null && target.time !== undefined) {
    const { family } = typeOf(catalog, target.table, target.time);
    if (family !== 'timestamp')
      throw new ConnectorError('coverage_broken', `${qualifiedName(target.table)}.${target.time} is not a timestamp`, {
        retryable: false,
      });
    const column = `own.${ident(target.time)}`;
    const start = literal(since.toISOString().replace('T', ' ').replace('Z', ''));
    parts.push(`(${column} >= ${start} OR ${column} IS NULL)`);
  }
  return parts.join(' AND ') || 'true';
}
