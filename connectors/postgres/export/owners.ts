import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { isText } from '../data-map/cast.ts';
import { columnSql } from '../data-map/column-path.ts';
import { type KindModel, type Link, type Match, type Target, isRecursive, parentsOf } from '../../data-map/model.ts';
import { conditionSql } from '../rows/constants.ts';
import { elementType, leadsNowhere, sidesOf, thereSql, where } from '../rows/where.ts';
import { ident, literalList, relation } from '../sql.ts';

/** The name of the column that contains the owners. No column of an application has it. */
export const OWNERS = ident('lethe owners');

/** Says of each row of a table to which subjects of the batch it belongs. */
export interface Owners {
  /** LEFT JOINs of the table, which has no alias. Each joins at most one row. */
  readonly joins: string;
  /** An int[] of `seq`, which can repeat. NULL if the row belongs to no subject. */
  readonly owners: string;
}

interface Scope {
  readonly model: KindModel;
  readonly catalog: Catalog;
  /** The condition on the batch table. */
  readonly members: string;
}

/** The owners of the rows that the targets select. All targets are entries of one table. */
export function ownersOf(targets: readonly Target[], scope: Scope): Owners {
  const lookups = targets.flatMap((target) =>
    target.via === undefined
      ? target.matches.map((match) => ({ ...lookupOfMatch(target, match, scope), target }))
      : [{ ...lookupOfLink(target, target.via, scope), target }],
  );
  const joins = lookups.map(({ select, on, target }, index) => {
    const conditions = [...on(aliasOf(index)), conditionSql(target.conditions, `${relation(target.table)}.`)];
    return `LEFT JOIN (${select}) AS ${aliasOf(index)} ON ${conditions.join(' AND ')}`;
  });
  return {
    joins: joins.join(' '),
    owners: lookups.map((_, index) => `${aliasOf(index)}.${OWNERS}`).join(' || ') || 'NULL::int[]',
  };
}

const aliasOf = (index: number): string => ident(`lethe owners ${index + 1}`);
const valueOf = (index: number): string => ident(`lethe value ${index + 1}`);

/** The owners of each value of some columns, and the condition that joins them to a row. */
interface Lookup {
  readonly select: string;
  on(alias: string): readonly string[];
}

/** Aggregated before the join, so that a row that two identities find is exported once. */
function lookupOfMatch(target: Target, match: Match, { model, catalog, members }: Scope): Lookup {
  const table = relation(target.table);
  const sides = sidesOf(target.table, match, catalog, { column: `${table}.`, value: '' });
  if (sides.length === 0) return { select: `SELECT NULL::int[] AS ${OWNERS} LIMIT 0`, on: () => ['true'] };
  const from = `FROM lethe_system.batch WHERE ${members} AND type IN (${literalList(match.types)})`;
  if (match.isArray === true) return lookupOfArray(target, match, sides, from, catalog);
  const values = sides.map(({ value }, index) => {
    const type = typeOf(catalog, target.table, match.columns[index] ?? '');
    // Values that the column finds equal are one value here, or a row would be joined twice.
    const collation = isText(type) && type.collation !== null ? ` COLLATE ${type.collation}` : '';
    return `${value}${collation} AS ${valueOf(index)}`;
  });
  const names = values.map((_, index) => valueOf(index)).join(', ');
  return {
    select: `SELECT ${names}, array_agg(seq) AS ${OWNERS} FROM (SELECT ${values.join(', ')}, seq ${from}) AS "lethe values" GROUP BY ${names}`,
    on: (alias) => [
      `${sides.map(({ column }, index) => `${column} = ${alias}.${valueOf(index)}`).join(' AND ')}${leadsNowhere(target, match, model, catalog)}`,
    ],
  };
}

/** A row whose array names several subjects belongs to all of them. */
function lookupOfArray(
  target: Target,
  match: Match,
  sides: ReturnType<typeof sidesOf>,
  from: string,
  catalog: Catalog,
): Lookup {
  const table = relation(target.table);
  const column = sides.map((side) => side.column).join();
  const value = sides.map((side) => side.value).join();
  const type = elementType(target, match, catalog);
  return {
    select: `SELECT ${table}.tableoid AS "lethe table", ${table}.ctid AS "lethe row", array_agg("lethe values".seq) AS ${OWNERS}
      FROM ${table} CROSS JOIN LATERAL unnest(${column}) AS element("lethe element")
      JOIN (SELECT (${value})::${type} AS "lethe value", seq ${from}) AS "lethe values" ON "lethe value" = "lethe element"
      WHERE ${column} && ARRAY(SELECT ${value} ${from})::${type}[] GROUP BY 1, 2`,
    on: (alias) => [`${alias}."lethe table" = ${table}.tableoid`, `${alias}."lethe row" = ${table}.ctid`],
  };
}

/** The rows belong to the owners of the rows that they belong to. */
function lookupOfLink(target: Target, via: Link, scope: Scope): Lookup {
  const table = relation(target.table);
  const names = via.on.map((_, index) => valueOf(index));
  const select = isRecursive(target) ? descendants(target, via, names, scope) : parents(target, via, names, scope);
  return {
    select: `SELECT ${names.join(', ')}, array_agg(owner) AS ${OWNERS} FROM (${select}) AS "lethe parents" GROUP BY ${names.join(', ')}`,
    on: (alias) => via.on.map(([here], index) => `${columnSql(here, `${table}.`)} = ${alias}.${names[index]}`),
  };
}

/** The exported rows that the rows of a target belong to, with one row per owner. */
function parents(target: Target, via: Link, names: readonly string[], scope: Scope): string {
  const { model, catalog, members } = scope;
  const exported = parentsOf(target, model).filter(({ isExported }) => isExported);
  const selects = exported.map((parent) => {
    const { joins, owners } = ownersOf([parent], scope);
    const table = relation(parent.table);
    const keys = via.on.map((pair, index) => `${thereSql(pair, `${table}.`)} AS ${names[index]}`);
    return `SELECT ${keys.join(', ')}, unnest(${owners}) AS owner FROM ${table} ${joins}
      WHERE ${where(parent, model, catalog, { members, isExport: true })}`;
  });
  if (selects.length > 0) return selects.join(' UNION ALL ');
  const keys = via.on.map((pair, index) => `${thereSql(pair)} AS ${names[index]}`);
  return `SELECT ${keys.join(', ')}, 0 AS owner FROM ${relation(via.table)} WHERE false`;
}

/** UNION ends cycles, and LATERAL finds the children of each row by their index. */
function descendants(target: Target, via: Link, names: readonly string[], scope: Scope): string {
  const children = via.on.map((pair, index) => `${thereSql(pair, 'child.')} AS ${names[index]}`).join(', ');
  const isChild = via.on.map(([here], index) => `${columnSql(here, 'child.')} = tree.${names[index]}`).join(' AND ');
  return `WITH RECURSIVE tree(${names.join(', ')}, owner) AS (
      (${parents(target, via, names, scope)})
      UNION SELECT below.*, tree.owner FROM tree CROSS JOIN LATERAL (
        SELECT ${children} FROM ${relation(target.table)} AS child
        WHERE ${isChild} AND ${conditionSql(target.conditions, 'child.')} OFFSET 0) AS below)
    SELECT * FROM tree`;
}
