import { ConnectorError } from '../../connector.ts';
import { columnSide, valueSide } from './cast.ts';
import { type Catalog, typeOf } from './catalog.ts';
import { type KindModel, type Match, type Target, parentsOf } from './model.ts';
import { ident, literalList, relation } from '../sql.ts';

/** Every statement about subjects takes these five parameters first: none of them is an identity. */
export const MEMBERS = `system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4::int AND $5::int`;

/** The rows of a target that belong to the subjects $4..$5 of a batch; `members`: for a statement that takes no parameters. */
export function where(target: Target, model: KindModel, catalog: Catalog, members = MEMBERS): string {
  if (target.via !== undefined) return viaWhere(target, target.via.on, model, catalog, members);
  return target.matches.map((match) => `(${matchWhere(target, match, catalog, members)})`).join(' OR ');
}

/**
 * `column = ANY(ARRAY(SELECT …))` is one probe of the index per value. Several columns are compared as the row that they
 * are, so that (a, x) and (b, y) never make (a, y); an ANY beside it would be searched once for every row.
 */
function matchWhere(target: Target, match: Match, catalog: Catalog, members: string): string {
  const sides = sidesOf(target.table, match, catalog);
  const from = `FROM lethe_system.batch WHERE ${members} AND type IN (${literalList(match.types)})`;
  return isIn(
    sides.map(({ column }) => column),
    sides.map(({ value }) => value),
    from,
  );
}

function isIn(columns: readonly string[], values: readonly string[], from: string): string {
  if (columns.length === 0) return 'false';
  if (columns.length === 1) return `${columns.join()} = ANY (ARRAY(SELECT ${values.join()} ${from}))`;
  return `(${columns.join(', ')}) IN (SELECT ${values.join(', ')} ${from})`;
}

/** Column and value of each part of a match, as they are compared; the prefixes say of which relation each is. */
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
  for (const [mine, theirs] of on) {
    typeOf(catalog, target.table, mine);
    typeOf(catalog, target.via?.table ?? target.table, theirs);
  }
  if (parents.length === 0)
    throw new ConnectorError('coverage_broken', `${target.path}: via names no mapped table`, { retryable: false });
  const each = parents.map((parent) =>
    isIn(
      on.map(([mine]) => ident(mine)),
      on.map(([, theirs]) => ident(theirs)),
      `FROM ${relation(parent.table)} WHERE ${where(parent, model, catalog, members)}`,
    ),
  );
  return each.map((part) => `(${part})`).join(' OR ');
}

/**
 * Which of the subjects have a row here, by `seq`, from the same indexes. OFFSET 0 keeps the planner from turning the
 * probes into a join that reads the whole table.
 */
export function presentSeqs(target: Target, model: KindModel, catalog: Catalog): string {
  const parts = chains(target, model, '').flatMap(({ root, joins }) =>
    root.matches.map((match) => {
      const sides = sidesOf(root.table, match, catalog, { column: 'held.', value: 'member.' });
      return `SELECT seq FROM lethe_system.batch AS member WHERE ${MEMBERS} AND type IN (${literalList(match.types)})
        AND EXISTS (SELECT FROM ${relation(root.table)} AS held ${joins}
                    WHERE ${sides.map(({ column, value }) => `${column} = ${value}`).join(' AND ')} OFFSET 0)`;
    }),
  );
  return parts.join(' UNION ');
}

/**
 * How many rows each subject has here, by `seq`: a row counts once per subject, by however many identities it is found.
 * `condition` restricts the rows; it takes the prefix of the target's columns.
 */
export function rowsPerSubject(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  condition: (prefix: string) => string = () => 'true',
): string {
  const row = target.via === undefined ? 'held' : ident(`via_${target.path}`);
  const parts = chains(target, model, '').flatMap(({ root, joins }) =>
    root.matches.map((match) => {
      const sides = sidesOf(root.table, match, catalog, { column: 'held.', value: 'member.' });
      return `SELECT seq, table_id, row_id FROM lethe_system.batch AS member CROSS JOIN LATERAL
          (SELECT ${row}.tableoid AS table_id, ${row}.ctid AS row_id FROM ${relation(root.table)} AS held ${joins}
           WHERE ${sides.map(({ column, value }) => `${column} = ${value}`).join(' AND ')} AND (${condition(`${row}.`)}) OFFSET 0) AS own
        WHERE ${MEMBERS} AND type IN (${list(match.types)})`;
    }),
  );
  return `SELECT seq, count(*) AS rows FROM (SELECT DISTINCT seq, table_id, row_id FROM (${parts.join(' UNION ALL ')}) AS found) AS own GROUP BY seq`;
}

/** From a table that names its subjects down to the target: one chain for each way there. */
function chains(target: Target, model: KindModel, below: string): readonly { root: Target; joins: string }[] {
  if (target.via === undefined) return [{ root: target, joins: below }];
  const { on } = target.via;
  return parentsOf(target, model).flatMap((parent) => {
    const [mine, theirs] = [`via_${target.path}`, parent.via === undefined ? 'held' : `via_${parent.path}`].map(ident);
    const join = on.map(([child, column]) => `${mine}.${ident(child)} = ${theirs}.${ident(column)}`).join(' AND ');
    return chains(parent, model, `JOIN ${relation(target.table)} AS ${mine} ON ${join} ${below}`);
  });
}
