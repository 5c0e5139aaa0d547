import { type Comparison, ALIAS } from '../../../domain/identity.ts';
import { ConnectorError } from '../../connector.ts';
import { columnSide, valueSide } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { columnPath } from '../../data-map/names.ts';
import { columnSql } from '../data-map/column-path.ts';
import { conditionSql } from './constants.ts';
import { receivesOtherValue } from './other-values.ts';
import {
  type KindModel,
  type Link,
  type Match,
  type Target,
  isDeleted,
  isRecursive,
  isSameTable,
  parentsOf,
} from '../../data-map/model.ts';
import { ident, literalList, relation } from '../sql.ts';

/** The first five parameters of every statement about subjects. None of them is an identity. */
export const MEMBERS = `system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4::int AND $5::int`;
const MEMBERS_OF_BATCH = 'system = $1 AND request_id = $2 AND batch = $3';

/** As MEMBERS, and the earlier ranges of the batch: a row that they could not delete can be unreferenced now. */
const MEMBERS_SO_FAR = MEMBERS.replace('$4::int', 'least($4::int, 0)');

export interface WhereOptions {
  /** Replaces the parameters, for COPY. */
  readonly members?: string;
  /** The condition filters rows that another condition finds. Otherwise it finds rows by an index. */
  readonly isFilter?: boolean;
  /** Selects for an export: rows belong to rows that are exported, also when several persons point to these. */
  readonly isExport?: boolean;
  /** The entries whose condition contains this one: rows of tables that refer to themselves point to each other. */
  readonly within?: readonly Target[];
}

/** The rows of a target that belong or refer to the subjects $4..$5 of a batch. */
export function where(target: Target, model: KindModel, catalog: Catalog, options: WhereOptions = {}): string {
  const selected =
    target.via === undefined
      ? anyOf(
          target.matches.map(
            (match) => matchWhere(target, match, catalog, options) + leadsNowhere(target, match, model, catalog),
          ),
        )
      : viaWhere(target, target.via, model, catalog, options);
  const isKept = target.retain !== undefined && target.referencedBy !== undefined && options.isExport !== true;
  const found = isKept ? `(${selected}) AND ${unshared(target, model, catalog, options)}` : selected;
  return Object.keys(target.conditions).length === 0 ? found : `(${found}) AND ${conditionSql(target.conditions)}`;
}

const anyOf = (conditions: readonly string[]): string => conditions.map((each) => `(${each})`).join(' OR ');

/**
 * A row of the alias table that only its alias finds belongs to another subject if it leads to an existing subject or to
 * another alias. The links of the batch's own subjects are found by where they lead.
 */
export function leadsNowhere(
  target: Target,
  { columns }: Match,
  { map, key, types }: KindModel,
  catalog: Catalog,
): string {
  const { aliases } = map;
  if (target.role !== 'aliases' || aliases === undefined || columns[0] !== aliases.alias) return '';
  const linked = `${relation(target.table)}.${ident(aliases.subject)}::text`;
  const equals = (table: string, row: string, name: string, comparison: Comparison): string => {
    const type = typeOf(catalog, table, name);
    return `SELECT FROM ${relation(table)} AS ${row}
      WHERE ${columnSide(`${row}.${ident(name)}`, type, comparison)} = ${valueSide(linked, type, comparison)}`;
  };
  const alias = equals(aliases.table, 'next', aliases.alias, types[ALIAS]?.comparison ?? 'exact');
  const subject = equals(map.table, 'own', key.columns[0] ?? '', key.comparison);
  return ` AND NOT EXISTS (${subject}) AND NOT EXISTS (${alias})`;
}

/**
 * `column = ANY(ARRAY(SELECT …))` costs one index lookup per value. Several columns are compared as one row, so that the
 * identities (a, x) and (b, y) do not match (a, y).
 */
function matchWhere(target: Target, match: Match, catalog: Catalog, options: WhereOptions): string {
  const sides = sidesOf(target.table, match, catalog);
  const own = target.referencedBy !== undefined && isDeleted(target) ? MEMBERS_SO_FAR : MEMBERS;
  const from = `FROM lethe_system.batch WHERE ${options.members ?? own} AND type IN (${literalList(match.types)})`;
  const values = sides.map(({ value }) => value);
  const columns = sides.map(({ column }) => column);
  if (match.isArray === true)
    return `${columns.join()} && ARRAY(SELECT ${values.join()} ${from})::${elementType(target, match, catalog)}[]`;
  return inCondition(columns, `SELECT ${values.join(', ')} ${from}`, options);
}

function inCondition(columns: readonly string[], select: string, { isFilter = false }: WhereOptions): string {
  if (columns.length === 0) return 'false';
  if (columns.length > 1) return `(${columns.join(', ')}) IN (${select})`;
  return isFilter ? `${columns.join()} IN (${select})` : `${columns.join()} = ANY (ARRAY(${select}))`;
}

/** Column and value of each part of a match in the form in which they compare, with the prefixes of their relations. */
export function sidesOf(
  table: string,
  match: Match,
  catalog: Catalog,
  prefix: { column: string; value: string } = { column: '', value: '' },
): readonly { column: string; value: string }[] {
  return match.columns.map((column, index) => {
    const type = typeOf(catalog, table, column);
    const compared = match.isArray === true ? { ...type, base: type.base.replace(/^_/, '') } : type;
    return {
      column: columnSide(columnSql(column, prefix.column), type, match.comparison),
      value: valueSide(`${prefix.value}value[${index + 1}]`, compared, match.comparison),
    };
  });
}

/** The name of the element type of an array column, such as `int4`. */
export const elementType = (target: Target, match: Match, catalog: Catalog): string =>
  typeOf(catalog, target.table, match.columns[0] ?? '').base.replace(/^_/, '');

/** A condition that joins one row of the target to one row of the batch table. */
export function matchJoin(
  target: Target,
  match: Match,
  catalog: Catalog,
  prefix: { column: string; value: string },
): string {
  const sides = sidesOf(target.table, match, catalog, prefix);
  if (match.isArray !== true) return sides.map(({ column, value }) => `${column} = ${value}`).join(' AND ');
  const type = elementType(target, match, catalog);
  return sides.map(({ column, value }) => `${column} @> ARRAY[${value}]::${type}[]`).join(' AND ');
}

function viaWhere(target: Target, via: Link, model: KindModel, catalog: Catalog, options: WhereOptions): string {
  const parents = parentsOf(target, model).filter(({ isExported }) => options.isExport !== true || isExported);
  for (const [here, there] of via.on) {
    typeOf(catalog, target.table, here);
    typeOf(catalog, via.table, there);
  }
  if (parents.length === 0 && options.isExport === true) return 'false';
  if (parents.length === 0)
    throw new ConnectorError('coverage_broken', `${target.path}: the table of via is not mapped`, { retryable: false });
  const columns = via.on.map(([here]) => columnSql(here));
  if (isRecursive(target))
    return inCondition(columns, descendants(target, via, parents, model, catalog, options), options);
  const there = via.on.map((pair) => thereSql(pair)).join(', ');
  return anyOf(
    parents.map((parent) =>
      inCondition(
        columns,
        `SELECT ${there} FROM ${relation(parent.table)} WHERE ${parentWhere(parent, model, catalog, options)}`,
        options,
      ),
    ),
  );
}

/** A row that several persons point to stays, and so do the rows that belong to it. An export has all of them. */
function parentWhere(parent: Target, model: KindModel, catalog: Catalog, options: WhereOptions): string {
  const found = where(parent, model, catalog, options);
  return parent.referencedBy === undefined || options.isExport === true
    ? found
    : `(${found}) AND ${unreferenced(parent, model, catalog, options)}`;
}

/** A key inside a document is text, so it is compared with the text of the other column. */
export const thereSql = ([here, there]: readonly [string, string], prefix = ''): string => {
  const column = columnSql(there, prefix);
  return columnPath(here).keys.length === 0 ? column : `${column}::text`;
};

/** The rows of the parents and all their descendants in the same table. UNION ends cycles. */
function descendants(
  target: Target,
  via: Link,
  parents: readonly Target[],
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
): string {
  const table = relation(target.table);
  const names = via.on.map((_, index) => ident(`key_${index}`));
  const own = via.on.map((pair) => thereSql(pair)).join(', ');
  const children = via.on.map((pair) => thereSql(pair, 'child.')).join(', ');
  const join = via.on.map(([here], index) => `${columnSql(here, 'child.')} = tree.${names[index]}`).join(' AND ');
  const seeds = parents.map(
    (parent) => `SELECT ${own} FROM ${table} WHERE ${parentWhere(parent, model, catalog, options)}`,
  );
  return `WITH RECURSIVE tree(${names.join(', ')}) AS (
      (${seeds.join(' UNION ')})
      UNION SELECT ${children} FROM ${table} AS child JOIN tree ON ${join} WHERE ${conditionSql(target.conditions, 'child.')})
    SELECT ${names.join(', ')} FROM tree`;
}

/**
 * The condition that no other row points to a row of a `referencedBy` entry. Rows that the deletion of these subjects
 * deletes, or makes point elsewhere, do not count. `row` names the relation of the entry in the statement.
 */
export function unreferenced(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
  row = relation(target.table),
): string {
  const inside = { ...options, within: [...(options.within ?? []), target] };
  return noRowPoints(target, row, ({ table, on }, alias) => {
    const there = on.map(([, column]) => column);
    return `${notDeleted(table, model, catalog, inside, alias)} AND ${notChanged(table, there, model, catalog, inside, alias)}`;
  });
}

/**
 * The condition that no row of another person points to a row of a `referencedBy` entry, which then can be changed. Rows
 * of every subject of the batch are excepted, because an earlier range has changed their reference to the subject.
 */
export function unshared(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
  row = relation(target.table),
): string {
  const members = `${MEMBERS_OF_BATCH} AND seq >= least($4::int, $5::int, 0)`;
  return noRowPoints(target, row, ({ table }) => {
    const own = model.targets
      .filter((other) => other !== target && other.detach === undefined && isSameTable(other.table, table))
      .map((other) => `(${where(other, model, catalog, { ...options, members, isFilter: true })}) IS NOT TRUE`);
    return own.length === 0 ? 'true' : own.join(' AND ');
  });
}

/** `counts` returns the condition that a row of a link counts. */
function noRowPoints(target: Target, row: string, counts: (link: Link, alias: string) => string): string {
  const links = [target.referencedBy, ...target.sharedWith].filter((link) => link !== undefined);
  const conditions = links.map((link) => {
    const alias = ident(`points to ${target.path}`);
    const columns = link.on.map(([here, there]) => `${columnSql(there, `${alias}.`)} = ${row}.${ident(here)}`);
    return `NOT EXISTS (SELECT FROM ${relation(link.table)} AS ${alias} WHERE ${columns.join(' AND ')} AND ${counts(link, alias)})`;
  });
  return conditions.join(' AND ');
}

/**
 * Filters rows of a table that the deletion of these subjects does not delete. A row that one entry deletes counts for
 * no other entry. `row` names the relation in the statement.
 */
export function notDeleted(
  table: string,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
  row = relation(table),
): string {
  const deleted = model.targets
    .filter((target) => isDeleted(target) && isSameTable(target.table, table))
    .filter((target) => options.within?.includes(target) !== true)
    .map((target) => {
      const found = where(target, model, catalog, { ...options, isFilter: true });
      if (target.referencedBy === undefined) return `(${found}) IS NOT TRUE`;
      return `((${found}) AND ${unreferenced(target, model, catalog, options, row)}) IS NOT TRUE`;
    });
  return deleted.length === 0 ? 'true' : deleted.join(' AND ');
}

/** Filters rows in which the deletion of these subjects keeps the values of `columns`. */
export function notChanged(
  table: string,
  columns: readonly string[],
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
  row: string,
): string {
  const changed = model.targets
    .filter((target) => !isDeleted(target) && isSameTable(target.table, table))
    .flatMap((target) => {
      const conditions = columns.flatMap((column) => receivesOtherValue(target, column, model, catalog, `${row}.`));
      if (conditions.length === 0) return [];
      const found = where(target, model, catalog, { ...options, isFilter: true });
      return [`((${found}) AND (${conditions.join(' OR ')})) IS NOT TRUE`];
    });
  return changed.length === 0 ? 'true' : changed.join(' AND ');
}
