import { ALIAS } from '../../../domain/identity.ts';
import { columnSide, valueSide } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { identityColumns } from '../../data-map/catalog.ts';
import type { KindModel } from '../../data-map/model.ts';
import { anonymisedCondition } from '../rows/anonymise.ts';
import { isNoGhost } from '../visibility/ghosts.ts';
import type { Resolution } from './resolution.ts';
import { sidesOf } from '../rows/where.ts';
import { ident, literal, relation } from '../sql.ts';

/** One statement per identity type. Each copies the matches of the identities $1..$5 to the batch $6. */
export function matchStatements(resolution: Resolution): readonly string[] {
  const { model, catalog } = resolution;
  const keys = keyTexts(model);
  const identities = identityColumns(model).map(({ type, columns }) => {
    const comparison = model.types[type]?.comparison ?? 'exact';
    const match = { columns, types: [type], comparison };
    const sides = sidesOf(model.map.table, match, catalog, { column: 'own.', value: 'b.' });
    return insertMatches(`SELECT b.seq, ${keys} AS key FROM lethe_system.batch AS b
      JOIN ${relation(model.map.table)} AS own ON ${sides.map(({ column, value }) => `${column} = ${value}`).join(' AND ')}
      WHERE ${submittedCondition('b')} AND b.type = ${literal(type)} AND ${isSubject(model, catalog)}`);
  });
  const aliases = model.map.aliases === undefined ? [] : [insertMatches(aliasMatches(resolution))];
  return [...identities, ...aliases];
}

const submittedCondition = (b: string): string =>
  `${b}.system = $1 AND ${b}.request_id = $2 AND ${b}.batch = $3 AND ${b}.seq BETWEEN $4::int AND $5::int`;

const insertMatches = (select: string): string =>
  `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
   SELECT $1, $2, $6, found.seq, 'key', found.key FROM (${select}) AS found`;

function aliasMatches(resolution: Resolution): string {
  const { model, catalog } = resolution;
  return `WITH RECURSIVE ${followAliases(
    resolution,
    `SELECT b.seq AS start, b.value[1] AS name FROM lethe_system.batch AS b
      WHERE ${submittedCondition('b')} AND b.type = ${literal(ALIAS)}`,
  )}
    SELECT hop.start AS seq, ${keyTexts(model)} AS key FROM hop JOIN ${relation(model.map.table)} AS own
      ON ${keyCondition(resolution, 'hop.name')} AND ${isSubject(model, catalog)}`;
}

/** The key of a row `own`, as an array of texts. */
export const keyTexts = ({ key }: KindModel): string =>
  `ARRAY[${key.columns.map((column) => `own.${ident(column)}::text`).join(', ')}]`;

/** Excludes ghost rows, and rows that an earlier deletion anonymised. */
export function isSubject(model: KindModel, catalog: Catalog): string {
  const ownTable = model.targets.find(({ role }) => role === 'subject');
  const isVisible =
    ownTable?.anonymise === undefined ? 'true' : `NOT ${anonymisedCondition(ownTable, model, catalog, 'own.')}`;
  return `${isNoGhost(model)} AND ${isVisible}`;
}

/**
 * Follows aliases forward to all their subjects, and stops at each subject (rule 8). UNION drops duplicates of
 * (start, name), so that cycles end.
 */
export function followAliases(resolution: Resolution, starts: string): string {
  const { aliases } = resolution.model.map;
  if (aliases === undefined) return '';
  const from = aliasCondition(resolution, aliases.alias);
  return `start AS MATERIALIZED (${starts}),
    hop(start, name) AS (
      SELECT s.start, e.${ident(aliases.subject)}::text FROM start AS s
        JOIN ${relation(aliases.table)} AS e ON ${from('s.name')}
      UNION
      SELECT h.start, e.${ident(aliases.subject)}::text FROM hop AS h
        JOIN ${relation(aliases.table)} AS e ON ${from('h.name')}
      WHERE NOT ${isSubjectCondition(resolution, 'h.name')})`;
}

/** Returns a condition on a row `e` of the alias table: `column` equals a name, compared in the form of its index. */
export function aliasCondition({ model, catalog }: Resolution, column: string): (name: string) => string {
  const type = typeOf(catalog, model.map.aliases?.table ?? '', column);
  const comparison = model.types[ALIAS]?.comparison ?? 'exact';
  return (name) => `${columnSide(`e.${ident(column)}`, type, comparison)} = ${valueSide(name, type, comparison)}`;
}

/** A row `own` has the key of one column that is called `name`. Only such a key has aliases. */
export function keyCondition({ model, catalog }: Resolution, name: string): string {
  const column = model.key.columns[0] ?? '';
  const type = typeOf(catalog, model.map.table, column);
  const { comparison } = model.key;
  return `${columnSide(`own.${ident(column)}`, type, comparison)} = ${valueSide(name, type, comparison)}`;
}

/** A row `own` has the key of the row `b` of the batch table. */
export const hasKeyOf = ({ model, catalog }: Resolution): string =>
  sidesOf(model.map.table, model.key, catalog, { column: 'own.', value: 'b.' })
    .map(({ column, value }) => `${column} = ${value}`)
    .join(' AND ');

export const isSubjectCondition = (resolution: Resolution, name: string): string =>
  `EXISTS (SELECT FROM ${relation(resolution.model.map.table)} AS own WHERE ${keyCondition(resolution, name)} OFFSET 0)`;
