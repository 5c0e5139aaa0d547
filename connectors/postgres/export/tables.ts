import { type ExportOptions, type ExportedTable, ConnectorError } from '../../connector.ts';
import { isTimestamp } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { type KindModel, type Target, qualifiedColumn } from '../../data-map/model.ts';
import { anyColumnFilled, planClearing } from '../chunks/clear-columns.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { ident, literal, relation } from '../sql.ts';
import { where } from '../rows/where.ts';
import { OWNERS, ownersOf } from './owners.ts';

/** A table of an export, with a query for the selected rows. */
export interface SelectedTable extends Omit<ExportedTable, 'rows' | 'figures'> {
  rowsOf(columns: string): string;
  /** As `rowsOf`, with the owners of each row as the first column. */
  ownedRowsOf(columns: string): string;
}

/** Without rows of other persons and omitted columns. The subject's own table is the first. A table with two entries appears once, with the rows of both. */
export function selectTables(
  model: KindModel,
  catalog: Catalog,
  options: ExportOptions,
  members: string,
): readonly SelectedTable[] {
  const exported = model.targets.filter(({ isExported }) => isExported);
  const ownTable = exported.filter(({ role }) => role === 'subject');
  const byTable = Map.groupBy([...ownTable, ...exported], ({ table }) => qualifiedName(table));
  return [...byTable.entries()]
    .map(([table, targets]) => selectTable(table, [...new Set(targets)], model, catalog, options, members))
    .filter(({ columns }) => columns.length > 0);
}

function selectTable(
  table: string,
  targets: readonly Target[],
  model: KindModel,
  catalog: Catalog,
  options: ExportOptions,
  members: string,
): SelectedTable {
  const sources = new Set(targets.flatMap((target) => target.sources));
  const meanings = Object.fromEntries(targets.flatMap(({ wording }) => Object.entries(wording.columns ?? {})));
  const bases = targets.flatMap(({ retain }) => (retain === undefined ? [] : [retain.basis]));
  const isOmitted = (name: string): boolean => model.omittedColumns.has(qualifiedColumn(table, name));
  const all = [...(catalog.columns.get(table) ?? [])];
  const columns = all
    .filter(([name]) => !isOmitted(name))
    .map(([name, { full: type }]) => ({
      name,
      type,
      meaning: meanings[name] ?? null,
      source: sources.has(name),
    }));
  const windowed = options.since !== null && targets.every(({ time }) => time !== undefined);
  const effective = windowed ? options : { ...options, since: null };
  const conditions = targets.map((target) => rowCondition(target, model, catalog, effective, members));
  return {
    table,
    meaning: targets.find(({ wording }) => wording.about !== undefined)?.wording.about ?? null,
    columns: options.scope === 'sources' ? columns.filter(({ source }) => source) : columns,
    windowed,
    retained: bases.length === 0 ? null : [...new Set(bases)].join('; '),
    anonymised: targets.flatMap((target) => Object.keys(target.anonymise ?? {})).filter((name) => !isOmitted(name)),
    rowsOf: (list) => unionRows(relation(table), list, conditions),
    ownedRowsOf: (list) => {
      const { joins, owners } = ownersOf(targets, { model, catalog, members });
      return unionRows(`${relation(table)} ${joins}`, `${owners} AS ${OWNERS}, ${list}`, conditions);
    },
  };
}

/** Each condition uses its own index, and excludes rows that an earlier condition selects. */
const unionRows = (table: string, list: string, conditions: readonly string[]): string =>
  conditions
    .map((condition, index) => {
      const others = conditions.slice(0, index).map((earlier) => ` AND (${earlier}) IS NOT TRUE`);
      return `SELECT ${list} FROM ${table} WHERE (${condition})${others.join('')}`;
    })
    .join(' UNION ALL ');

/** Uses the same condition as a deletion. A row whose time is NULL is inside the window. */
function rowCondition(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  { scope, since }: ExportOptions,
  members: string,
): string {
  const parts = [`(${where(target, model, catalog, { members, isExport: true })})`];
  const plan = scope === 'sources' ? planClearing(target, scope, model, catalog) : undefined;
  if (plan?.kept.length === 0) parts.push(anyColumnFilled(plan));
  if (since !== null && target.time !== undefined) parts.push(windowCondition(target, target.time, since, catalog));
  return parts.join(' AND ');
}

function windowCondition(target: Target, time: string, since: Date, catalog: Catalog): string {
  const type = typeOf(catalog, target.table, time);
  if (!isTimestamp(type))
    throw new ConnectorError('coverage_broken', `${qualifiedName(target.table)}.${time} is not a timestamp`, {
      retryable: false,
    });
  // In the column's type: a day for a date, UTC for a timestamp without time zone.
  const start = `${literal(since.toISOString())}::timestamptz::${type.base}`;
  const column = ident(time);
  return `(${column} >= ${start} OR ${column} IS NULL)`;
}
