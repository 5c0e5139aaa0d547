import { ConnectorError } from '../../connector.ts';
import { columnSide, valueSide } from './cast.ts';
import { type Catalog, typeOf } from './catalog.ts';
import { type KindModel, type Match, type Target, parentsOf } from './model.ts';
import { ident, literalList, relation } from '../sql.ts';

/** The first five parameters of every statement about subjects. None of them is an identity. */
export const MEMBERS = `system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4::int AND $5::int`;

/** The rows of a target that belong to the subjects $4..$5 of a batch. `members` replaces the parameters for COPY. */
export function where(target: Target, model: KindModel, catalog: Catalog, members = MEMBERS): string {
  if (target.via !== undefined) return viaWhere(target, target.via.on, model, catalog, members);
  return target.matches.map((match) => `(${matchWhere(target, match, catalog, members)})`).join(' OR ');
}

/**
 * `column = ANY(ARRAY(SELECT …))` costs one index lookup per value. Several columns are compared as one row, so that the
 * identities (a, x) and (b, y) do not match (a, y).
 */
function matchWhere(target: Target, match: Match, catalog: Catalog, members: string): string {
  const sides = sidesOf(target.table, match, catalog);
  const from = `FROM lethe_system.batch WHERE ${members} AND type IN (${literalList(match.types)})`;
  return inCondition(
    sides.map(({ column }) => column),
    sides.map(({ value }) => value),
    from,
  );
}

function inCondition(columns: readonly string[], values: readonly string[], from: string): string {
  if (columns.length === 0) return 'false';
  if (columns.length === 1) return `${columns.join()} = ANY (ARRAY(SELECT ${values.join()} ${from}))`;
  return `(${columns.join(', ')}) IN (SELECT ${values.join(', ')} ${from})`;
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
    return {
      column: columnSide(`${prefix.column}${ident(column)}`, type, match.comparison),
      value: valueSide(`${prefix.value}value[${index + 1}]`, type, match.comparison),
    };
  });
}

function viaWhere(
  target: Target,
  on: readonly (readonly [string, string])[],
  model: KindModel,
  catalog: Catalog,
  members: string,
): string {
  const parents = parentsOf(target, model);
  for (const [here, there] of on) {
    typeOf(catalog, target.table, here);
    typeOf(catalog, target.via?.table ?? target.table, there);
  }
  if (parents.length === 0)
    throw new ConnectorError('coverage_broken', `${target.path}: the table of via is not mapped`, { retryable: false });
  const conditions = parents.map((parent) =>
    inCondition(
      on.map(([here]) => ident(here)),
      on.map(([, there]) => ident(there)),
      `FROM ${relation(parent.table)} WHERE ${where(parent, model, catalog, members)}`,
    ),
  );
  return conditions.map((condition) => `(${condition})`).join(' OR ');
}

/** Selects the `seq` of each subject that has a row here. OFFSET 0 prevents a join that reads the whole table. */
export function presentSeqs(target: Target, model: KindModel, catalog: Catalog): string {
  const parts = joinChains(target, model, '').flatMap(({ root, joins }) =>
    root.matches.map((match) => {
      const sides = sidesOf(root.table, match, catalog, { column: 'origin.', value: 'member.' });
      return `SELECT seq FROM lethe_system.batch AS member WHERE ${MEMBERS} AND type IN (${literalList(match.types)})
        AND EXISTS (SELECT FROM ${relation(root.table)} AS origin ${joins}
                    WHERE ${sides.map(({ column, value }) => `${column} = ${value}`).join(' AND ')} OFFSET 0)`;
    }),
  );
  return parts.join(' UNION ');
}

/**
 * Selects `seq` and the number of rows here per subject. A row that several identities find counts once. `condition`
 * restricts the rows and receives the prefix of the target's columns.
 */
export function rowsPerSubject(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  condition: (prefix: string) => string = () => 'true',
): string {
  const row = target.via === undefined ? 'origin' : ident(`via_${target.path}`);
  const parts = joinChains(target, model, '').flatMap(({ root, joins }) =>
    root.matches.map((match) => {
      const sides = sidesOf(root.table, match, catalog, { column: 'origin.', value: 'member.' });
      return `SELECT seq, table_id, row_id FROM lethe_system.batch AS member CROSS JOIN LATERAL
          (SELECT ${row}.tableoid AS table_id, ${row}.ctid AS row_id FROM ${relation(root.table)} AS origin ${joins}
           WHERE ${sides.map(({ column, value }) => `${column} = ${value}`).join(' AND ')} AND (${condition(`${row}.`)}) OFFSET 0) AS own
        WHERE ${MEMBERS} AND type IN (${literalList(match.types)})`;
    }),
  );
  return `SELECT seq, count(*) AS rows FROM (SELECT DISTINCT seq, table_id, row_id FROM (${parts.join(' UNION ALL ')}) AS found) AS own GROUP BY seq`;
}

/** The joins from each table with a subject column to the target, through all `via`. */
function joinChains(target: Target, model: KindModel, below: string): readonly { root: Target; joins: string }[] {
  if (target.via === undefined) return [{ root: target, joins: below }];
  const { on } = target.via;
  return parentsOf(target, model).flatMap((parent) => {
    const [child, parentAlias] = [`via_${target.path}`, parent.via === undefined ? 'origin' : `via_${parent.path}`].map(
      ident,
    );
    const join = on.map(([here, there]) => `${child}.${ident(here)} = ${parentAlias}.${ident(there)}`).join(' AND ');
    return joinChains(parent, model, `JOIN ${relation(target.table)} AS ${child} ON ${join} ${below}`);
  });
}
