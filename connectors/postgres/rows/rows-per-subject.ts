import type { Catalog } from '../data-map/catalog.ts';
import { columnSql } from '../data-map/column-path.ts';
import { conditionSql } from './constants.ts';
import { type KindModel, type Link, type Target, isRecursive, parentsOf } from '../../data-map/model.ts';
import { ident, literalList, relation } from '../sql.ts';
import { MEMBERS, matchJoin, thereSql, unreferenced, unshared } from './where.ts';

/** Restricts the rows of a target. Receives the prefix of its columns. */
export type RowCondition = (prefix: string) => string;

/** A row of a table with a subject column, joined through all `via` to a row of the target. */
interface Chain {
  readonly root: Target;
  readonly joins: string;
  readonly condition: string;
}

/** Selects the `seq` of each subject that has a row here. OFFSET 0 prevents a join that reads the whole table. */
export function presentSeqs(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  condition: RowCondition = () => 'true',
): string {
  const parts = chainsOf(target, model, catalog).flatMap(({ root, joins, condition: chain }) =>
    root.matches.map(
      (
        match,
      ) => `SELECT seq FROM lethe_system.batch AS member WHERE ${MEMBERS} AND type IN (${literalList(match.types)})
        AND EXISTS (SELECT FROM ${relation(root.table)} AS origin ${joins}
                    WHERE ${matchJoin(root, match, catalog, { column: 'origin.', value: 'member.' })}
                      AND ${chain} AND (${condition(`${aliasOf(target)}.`)}) OFFSET 0)`,
    ),
  );
  return parts.join(' UNION ');
}

/** Selects `seq` and the number of rows here per subject. A row that several identities find counts once. */
export function rowsPerSubject(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  condition: RowCondition = () => 'true',
): string {
  const row = aliasOf(target);
  const found = selectPerSubject(
    target,
    model,
    catalog,
    [`${row}.tableoid AS table_id`, `${row}.ctid AS row_id`],
    condition,
  );
  return `SELECT seq, count(*) AS rows FROM (SELECT DISTINCT seq, table_id, row_id FROM (${found}) AS found) AS own GROUP BY seq`;
}

/** Selects `seq` and columns of the rows of each subject. `columns` use the alias of the target. */
export function selectPerSubject(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  columns: readonly string[],
  condition: RowCondition = () => 'true',
): string {
  const parts = chainsOf(target, model, catalog).flatMap(({ root, joins, condition: chain }) =>
    root.matches.map(
      (match) => `SELECT seq, own.* FROM lethe_system.batch AS member CROSS JOIN LATERAL
          (SELECT ${columns.join(', ')} FROM ${relation(root.table)} AS origin ${joins}
           WHERE ${matchJoin(root, match, catalog, { column: 'origin.', value: 'member.' })}
             AND ${chain} AND (${condition(`${aliasOf(target)}.`)}) OFFSET 0) AS own
        WHERE ${MEMBERS} AND type IN (${literalList(match.types)})`,
    ),
  );
  return parts.join(' UNION ALL ');
}

/** The alias of the rows of a target in these statements. */
export const aliasOf = (target: Target): string => (target.via === undefined ? 'origin' : ident(`via_${target.path}`));

/** The joins from each table with a subject column to the target, through all `via`. */
function chainsOf(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  below = '',
  conditions = 'true',
): readonly Chain[] {
  const alias = aliasOf(target);
  const constants = `${conditions} AND ${conditionSql(target.conditions, `${alias}.`)}`;
  // Rows that belong to a row that several persons point to stay with it.
  const isShared = target.referencedBy !== undefined && target.retain === undefined && below !== '';
  const isKept = target.referencedBy !== undefined && target.retain !== undefined;
  const condition = [
    constants,
    ...(isShared ? [unreferenced(target, model, catalog, {}, alias)] : []),
    ...(isKept ? [unshared(target, model, catalog, {}, alias)] : []),
  ].join(' AND ');
  const { via } = target;
  if (via === undefined) return [{ root: target, joins: below, condition }];
  return parentsOf(target, model).flatMap((parent) => {
    const join = isRecursive(target) ? descendantsJoin(target, via, parent) : childrenJoin(target, via, parent);
    return chainsOf(parent, model, catalog, `${join} ${below}`, condition);
  });
}

function childrenJoin(target: Target, { on }: Link, parent: Target): string {
  const alias = aliasOf(target);
  const columns = on.map((pair) => `${columnSql(pair[0], `${alias}.`)} = ${thereSql(pair, `${aliasOf(parent)}.`)}`);
  return `JOIN ${relation(target.table)} AS ${alias} ON ${columns.join(' AND ')}`;
}

/** All rows below one row of the parent. */
function descendantsJoin(target: Target, { on }: Link, parent: Target): string {
  const table = relation(target.table);
  const names = on.map((_, index) => `key_${index}`);
  const start = on.map((pair) => thereSql(pair, `${aliasOf(parent)}.`)).join(', ');
  const keys = on.map((pair) => thereSql(pair, 'child.')).join(', ');
  const isChild = on.map(([here], index) => `${columnSql(here, 'child.')} = tree.key_${index}`).join(' AND ');
  const children = `FROM ${table} AS child JOIN tree ON ${isChild} WHERE ${conditionSql(target.conditions, 'child.')}`;
  return `JOIN LATERAL (WITH RECURSIVE tree(${names.join(', ')}) AS (SELECT ${start} UNION SELECT ${keys} ${children})
      SELECT child.*, child.tableoid, child.ctid ${children}) AS ${aliasOf(target)} ON true`;
}
