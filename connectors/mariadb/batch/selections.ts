import { type Comparison, ALIAS } from '../../../domain/identity.ts';
import { ConnectorError } from '../../connector.ts';
import { COLLECTED } from '../../data-map/build-models.ts';
import { type KindModel, type Link, type Match, type Target, isRecursive, parentsOf } from '../../data-map/model.ts';
import { columnPath } from '../../data-map/names.ts';
import { columnSql, comparable, equals, textOf, typeOf } from '../catalog/columns.ts';
import type { Catalog, ColumnType } from '../catalog/types.ts';
import { ident, literalList, relation } from '../sql.ts';
import { conditionSql } from './conditions.ts';
import { IDENTITIES } from './identities.ts';

export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Selects the rows of entries, with the subject that each belongs to. */
export interface Selecting {
  readonly model: KindModel;
  readonly catalog: Catalog;
  readonly range: Range;
  /** The rows of a parent, if they are known already: a SELECT of `seq` and `columns` of its rows `own`. */
  readonly parentRows?: (parent: Target, columns: readonly string[]) => string;
  /** Selects for an export: rows belong to rows that are exported, also when several persons point to these. */
  readonly isExport?: boolean;
}

/**
 * SELECT statements that together yield `seq` and `columns` of the rows `own` of an entry. A row is repeated for each way
 * in which it belongs to a subject. Each statement finds its rows from the identities on, by the indexes of the tables.
 */
export function selectRows(
  target: Target,
  columns: readonly string[],
  selecting: Selecting,
  extra = 'true',
): readonly string[] {
  const condition = `${conditionSql(target.conditions, 'own.')} AND ${extra}`;
  if (target.via !== undefined)
    return isRecursive(target)
      ? [descendants(target, target.via, columns, condition, selecting)]
      : children(target, target.via, columns, condition, selecting);
  const found = target.matches.map((match) => matched(target, match, columns, condition, selecting));
  const { referencedBy } = target;
  return referencedBy === undefined
    ? found
    : [...found, ...children(target, referencedBy, columns, condition, selecting)];
}

const list = (columns: readonly string[]): string => columns.map((column) => `, ${column}`).join('');

function matched(
  target: Target,
  match: Match,
  columns: readonly string[],
  condition: string,
  { model, catalog, range }: Selecting,
): string {
  const isCollected = match.types.some((type) => type.startsWith(COLLECTED));
  // A row that an earlier range could not delete can be unreferenced now.
  const members = isCollected ? `found.seq <= ${Number(range.last)}` : between('found', range);
  return `SELECT found.seq${list(columns)} FROM ${IDENTITIES} AS found STRAIGHT_JOIN ${relation(target.table)} AS own
    ON ${matchCondition(target.table, match, catalog, 'own.', 'found.')}
    WHERE found.type IN (${literalList(match.types)}) AND ${members} AND ${condition}${leadsNowhere(target, match, model, catalog)}`;
}

export const between = (alias: string, { first, last }: Range): string =>
  `${alias}.seq BETWEEN ${Number(first)} AND ${Number(last)}`;

/** A row of the table has the identity of a row of the identities. */
export const matchCondition = (table: string, match: Match, catalog: Catalog, own: string, found: string): string =>
  match.columns
    .map((column, index) =>
      equals(columnSql(column, own), typeOf(catalog, table, column), `${found}value${index}`, match.comparison),
    )
    .join(' AND ');

/**
 * A row of the alias table that only its alias finds belongs to another subject if it leads to an existing subject or to
 * another alias. The links of the batch's own subjects are found by where they lead.
 */
function leadsNowhere(target: Target, { columns }: Match, { map, key, types }: KindModel, catalog: Catalog): string {
  const { aliases } = map;
  if (target.role !== 'aliases' || aliases === undefined || columns[0] !== aliases.alias) return '';
  const linked = textOf(`own.${ident(aliases.subject)}`, typeOf(catalog, aliases.table, aliases.subject));
  const exists = (table: string, row: string, name: string, comparison: Comparison): string =>
    `SELECT 1 FROM ${relation(table)} AS ${row} WHERE ${equals(`${row}.${ident(name)}`, typeOf(catalog, table, name), linked, comparison)}`;
  const alias = exists(aliases.table, 'next', aliases.alias, types[ALIAS]?.comparison ?? 'exact');
  const subject = exists(map.table, 'subject', key.columns[0] ?? '', key.comparison);
  return ` AND NOT EXISTS (${subject}) AND NOT EXISTS (${alias})`;
}

/** The rows to which the rows of the parents lead, by `via` or by `referencedBy`. */
function children(
  target: Target,
  link: Link,
  columns: readonly string[],
  condition: string,
  selecting: Selecting,
): readonly string[] {
  const joins = link.on.map((pair, index) =>
    linkCondition(target.table, link.table, pair, `parent.key${index}`, selecting.catalog),
  );
  return parentsOfRows(target, selecting).map(
    (parent) => `SELECT parent.seq${list(columns)} FROM (${parentSelect(parent, link, selecting)}) AS parent
      STRAIGHT_JOIN ${relation(target.table)} AS own ON ${joins.join(' AND ')} WHERE ${condition}`,
  );
}

function parentsOfRows(target: Target, { model, isExport = false }: Selecting): readonly Target[] {
  const parents = parentsOf(target, model);
  if (parents.length === 0)
    throw new ConnectorError('coverage_broken', `${target.path}: the table it belongs to is not mapped`, {
      retryable: false,
    });
  return parents.filter(({ isExported }) => !isExport || isExported);
}

/** The keys of the parent's rows, which are not NULL. */
function parentSelect(parent: Target, link: Link, selecting: Selecting): string {
  const there = link.on.map(([here, column]) => thereSql(here, column, typeOf(selecting.catalog, link.table, column)));
  const keys = there.map((sql, index) => `${sql} AS key${index}`);
  if (selecting.parentRows !== undefined) return selecting.parentRows(parent, keys);
  return selectRows(parent, keys, selecting).join(' UNION ALL ') || none(keys.length);
}

const none = (keys: number): string =>
  `SELECT 0 AS seq${Array.from({ length: keys }, (_, index) => `, NULL AS key${index}`).join('')} LIMIT 0`;

/** A key inside a document is text, so it is compared with the text of the other column. */
const thereSql = (here: string, column: string, type: ColumnType, prefix = 'own.'): string => {
  const sql = columnSql(column, prefix);
  return columnPath(here).keys.length === 0 ? sql : textOf(sql, type);
};

function linkCondition(
  table: string,
  linked: string,
  [here, there]: readonly [string, string],
  value: string,
  catalog: Catalog,
  prefix = 'own.',
): string {
  const type = typeOf(catalog, table, here);
  const sql = columnSql(here, prefix);
  if (columnPath(here).keys.length > 0) return `${sql} = ${value}`;
  if (columnPath(there).keys.length > 0) return equals(sql, type, value, 'exact');
  return `${sql} = ${comparable(value, type, typeOf(catalog, linked, there))}`;
}

/** The rows below the rows of the parents in the same table, to any depth. UNION ends cycles. */
function descendants(
  target: Target,
  via: Link,
  columns: readonly string[],
  condition: string,
  selecting: Selecting,
): string {
  const { catalog } = selecting;
  const names = via.on.map((_, index) => `key${index}`);
  const isChild = (row: string): string =>
    via.on
      .map((pair, index) => linkCondition(target.table, via.table, pair, `tree.key${index}`, catalog, `${row}.`))
      .join(' AND ');
  const keys = via.on.map(([here, column]) => thereSql(here, column, typeOf(catalog, via.table, column), 'child.'));
  const seeds = parentsOfRows(target, selecting).map((parent) => parentSelect(parent, via, selecting));
  const start = seeds.length === 0 ? none(names.length) : seeds.join(' UNION ALL ');
  const constants = conditionSql(target.conditions, 'child.');
  return `SELECT tree.seq${list(columns)} FROM (
      WITH RECURSIVE tree (seq, ${names.join(', ')}) AS (
        SELECT seq, ${names.join(', ')} FROM (${start}) AS start
        UNION
        SELECT tree.seq, ${keys.join(', ')} FROM tree STRAIGHT_JOIN ${relation(target.table)} AS child ON ${isChild('child')} AND ${constants})
      SELECT seq, ${names.join(', ')} FROM tree) AS tree
    STRAIGHT_JOIN ${relation(target.table)} AS own ON ${isChild('own')} WHERE ${condition}`;
}
