import { ALIAS } from '../../../domain/identity.ts';
import { identityColumns } from '../../data-map/catalog.ts';
import type { Value } from '../../data-map/data-map.ts';
import type { KindModel } from '../../data-map/model.ts';
import { ghostKeys } from '../../data-map/reference-changes.ts';
import { constantSql } from '../batch/conditions.ts';
import { valueNames } from '../batch/identities.ts';
import { matchCondition } from '../batch/selections.ts';
import { equals, textOf, typeOf } from '../catalog/columns.ts';
import type { Catalog } from '../catalog/types.ts';
import { anonymisedCondition } from '../changes/anonymise.ts';
import { ident, literal, relation } from '../sql.ts';
import type { Resolution } from './resolution.ts';

/** One statement per identity type. Each copies the matches of the identities of one table to another one. */
export function matchStatements(resolution: Resolution, from: string, to: string): readonly string[] {
  const { model, catalog } = resolution;
  const { table } = model.map;
  const identities = identityColumns(model).map(({ type, columns }) => {
    const comparison = model.types[type]?.comparison ?? 'exact';
    const condition = matchCondition(table, { columns, types: [type], comparison }, catalog, 'own.', 'b.');
    return insertKeys(
      model,
      to,
      `SELECT b.seq AS seq, ${keySelect(model, catalog)} FROM ${from} AS b STRAIGHT_JOIN ${relation(table)} AS own
      ON ${condition} WHERE b.type = ${literal(type)} AND ${isSubject(model, catalog)}`,
    );
  });
  if (model.map.aliases === undefined) return identities;
  const starts = `SELECT seq AS start, value0 AS name FROM ${from} WHERE type = ${literal(ALIAS)}`;
  const aliases = `WITH RECURSIVE ${followAliases(resolution, starts)}
    SELECT hop.start AS seq, ${keySelect(model, catalog)} FROM hop STRAIGHT_JOIN ${relation(table)} AS own
      ON ${isCalled(resolution, 'own', 'hop.name')} AND ${isSubject(model, catalog)}`;
  return [...identities, insertKeys(model, to, aliases)];
}

export const keyNames = ({ key }: KindModel): readonly string[] => valueNames(key.columns.length);

const insertKeys = (model: KindModel, to: string, select: string): string =>
  `INSERT INTO ${to} (seq, type, ${keyNames(model).join(', ')})
   SELECT DISTINCT found.seq, 'key', ${keyNames(model)
     .map((name) => `found.${name}`)
     .join(', ')} FROM (${select}) AS found`;

/** The key of a row `own`, as texts. */
export const keyTexts = ({ key, map }: KindModel, catalog: Catalog, own = 'own.'): readonly string[] =>
  key.columns.map((column) => textOf(`${own}${ident(column)}`, typeOf(catalog, map.table, column)));

export const keySelect = (model: KindModel, catalog: Catalog): string =>
  keyTexts(model, catalog)
    .map((text, index) => `${text} AS ${keyNames(model)[index] ?? ''}`)
    .join(', ');

/** Excludes ghost rows, and rows that an earlier deletion anonymised. */
export function isSubject(model: KindModel, catalog: Catalog): string {
  const ownTable = model.targets.find(({ role }) => role === 'subject');
  const ghosts = ghostKeys(model).map((key) => {
    const parts = keyTexts(model, catalog).map((text, index) => isGhost(text, key[index] ?? null, model));
    return `NOT (${parts.join(' AND ')})`;
  });
  const isVisible = ownTable?.anonymise === undefined ? 'true' : `NOT ${anonymisedCondition(ownTable, model, catalog)}`;
  return [...ghosts, isVisible].join(' AND ');
}

/** As the key compares, because the ghost of the data map is written in any form. */
function isGhost(text: string, value: Value | null, { key: { comparison } }: KindModel): string {
  if (value === null) return 'true';
  const constant = literal(typeof value === 'string' ? value : constantSql(value));
  if (comparison === 'uuid') return `REPLACE(LOWER(${text}), '-', '') = REPLACE(LOWER(${constant}), '-', '')`;
  return comparison === 'caseInsensitive' ? `LOWER(${text}) = LOWER(${constant})` : `${text} = ${constant}`;
}

/**
 * Follows aliases forward to all their subjects, and stops at each subject (rule 8). UNION drops duplicates of
 * (start, name), so that cycles end.
 */
export function followAliases(resolution: Resolution, starts: string): string {
  const { model, catalog } = resolution;
  const { aliases } = model.map;
  if (aliases === undefined) return '';
  const table = relation(aliases.table);
  const subject = textOf(`e.${ident(aliases.subject)}`, typeOf(catalog, aliases.table, aliases.subject));
  return `hop (start, name) AS (
      SELECT s.start, ${subject} FROM (${starts}) AS s STRAIGHT_JOIN ${table} AS e ON ${isAlias(resolution, aliases.alias, 's.name')}
      UNION
      SELECT h.start, ${subject} FROM hop AS h STRAIGHT_JOIN ${table} AS e ON ${isAlias(resolution, aliases.alias, 'h.name')}
      WHERE NOT ${isSubjectName(resolution, 'h.name')})`;
}

/** The condition that a column of a row `e` of the alias table has a name. */
export function isAlias({ model, catalog }: Resolution, column: string, name: string): string {
  const type = typeOf(catalog, model.map.aliases?.table ?? '', column);
  return equals(`e.${ident(column)}`, type, name, model.types[ALIAS]?.comparison ?? 'exact');
}

/** A row of the subjects has the key of one column that is called `name`. Only such a key has aliases. */
function isCalled({ model, catalog }: Resolution, row: string, name: string): string {
  const column = model.key.columns[0] ?? '';
  return equals(`${row}.${ident(column)}`, typeOf(catalog, model.map.table, column), name, model.key.comparison);
}

export const isSubjectName = (resolution: Resolution, name: string): string =>
  `EXISTS (SELECT 1 FROM ${relation(resolution.model.map.table)} AS called WHERE ${isCalled(resolution, 'called', name)})`;

/** Joins the aliases that lead to subjects. `reached` is the text of the subject's key. */
export const reachedSubjects = (resolution: Resolution, starts: string): string =>
  `WITH RECURSIVE ${followAliases(resolution, starts)}
   SELECT hop.start AS start, ${keyTexts(resolution.model, resolution.catalog)[0] ?? ''} AS reached
   FROM hop STRAIGHT_JOIN ${relation(resolution.model.map.table)} AS own ON ${isCalled(resolution, 'own', 'hop.name')}`;
