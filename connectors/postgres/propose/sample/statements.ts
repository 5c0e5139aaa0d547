import { valueSide } from '../../data-map/cast.ts';
import type { ColumnType } from '../../data-map/catalog.ts';
import { columnPath } from '../../../data-map/names.ts';
import { columnSql } from '../../data-map/column-path.ts';
import { ident, literal, literalList, relation } from '../../sql.ts';
import { type Column, type Snapshot, type Table, columnOf } from '../catalog/snapshot.ts';
import { type Reference, referenceId } from '../references/reference.ts';
import type { PolymorphicPair } from '../references/polymorphic.ts';
import type { Question } from './sample.ts';

export const SAMPLED_ROWS = 500;
/** Larger tables are sampled by pages. */
const LARGE_PAGES = 1_000;
const SAMPLED_PAGES = 100;
/** A document above this size is not read. */
const MAX_BYTES = 64_000;

/** A bounded number of rows, of which a large table gives a random part. */
function sampleOf({ name, pages, relkind }: Table, select: string, condition: string): string {
  const percent = ((100 * SAMPLED_PAGES) / Math.max(pages, 1)).toFixed(6);
  const sample = pages > LARGE_PAGES && relkind === 'r' ? ` TABLESAMPLE SYSTEM (${percent})` : '';
  return `SELECT ${select} FROM ${relation(name)} AS own${sample} WHERE ${condition} LIMIT ${SAMPLED_ROWS}`;
}

const typeOf = ({ base, full }: Column): ColumnType => ({
  full,
  base,
  collation: null,
  isDeterministic: true,
  hasCustomJson: false,
  isNotNull: false,
  isGenerated: false,
  default: null,
  isKeyColumn: false,
  isForeignKey: false,
});

/** How many of the sampled values of a reference exist as keys of the parent. */
export function linkQuestion(reference: Reference, snapshot: Snapshot): Question[] {
  const child = snapshot.tables.get(reference.child);
  const parent = snapshot.tables.get(reference.parent);
  if (child === undefined || parent === undefined) return [];
  const names = reference.childColumns.map((_, index) => `value_${index}`);
  const isArray = reference.kind === 'array';
  const select = reference.childColumns.map((name, index) => `${columnSql(name, 'own.')} AS value_${index}`).join(', ');
  const filled = reference.childColumns.map((name) => `${columnSql(name, 'own.')} IS NOT NULL`).join(' AND ');
  const same = reference.parentColumns.map((name, index) => compare(parent, name, child, reference, index));
  const rows = sampleOf(child, select, filled);
  const values = isArray ? `SELECT unnest(value_0) AS value_0 FROM (${rows}) AS arrays LIMIT ${SAMPLED_ROWS}` : rows;
  return [
    {
      id: referenceId(reference),
      sql: `WITH sampled AS MATERIALIZED (SELECT DISTINCT ${names.join(', ')} FROM (${values}) AS found)
        SELECT '' AS name, count(*)::int AS sampled, count(*) FILTER (WHERE EXISTS
          (SELECT FROM ${relation(parent.name)} AS parent WHERE ${same.join(' AND ')}))::int AS matched FROM sampled`,
    },
  ];
}

function compare(parent: Table, name: string, child: Table, { childColumns }: Reference, index: number): string {
  const key = columnOf(parent, name);
  const own = columnOf(child, columnPath(childColumns[index] ?? '').column);
  const value = `sampled.value_${index}`;
  const isCast = own?.family === 'text' || own?.family === 'json';
  const side = key === undefined || !isCast ? value : valueSide(`${value}::text`, typeOf(key), 'exact');
  return `parent.${ident(name)} = ${side}`;
}

/** For each place in the documents of one column, how many values exist as keys of the subject. One statement. */
export function documentQuestion(references: readonly Reference[], snapshot: Snapshot): Question[] {
  const [first] = references;
  const child = snapshot.tables.get(first?.child ?? '');
  const parent = snapshot.tables.get(first?.parent ?? '');
  const key = columnOf(parent, first?.parentColumns[0] ?? '');
  if (first === undefined || child === undefined || parent === undefined || key === undefined) return [];
  const { column } = columnPath(first.childColumns[0] ?? '');
  const places = references.map((reference) => {
    const { keys } = columnPath(reference.childColumns[0] ?? '');
    return `(${literal(referenceId(reference))}, ARRAY[${literalList(keys)}])`;
  });
  const document = `own.${ident(column)}`;
  const rows = sampleOf(
    child,
    `${document} AS document`,
    `${document} IS NOT NULL AND pg_column_size(${document}) <= ${MAX_BYTES}`,
  );
  return [
    {
      id: documentQuestionId(child.name, column),
      sql: `WITH sampled AS MATERIALIZED (${rows}),
        place(name, path) AS (VALUES ${places.join(', ')}),
        found AS MATERIALIZED (SELECT DISTINCT place.name, sampled.document #>> place.path AS value FROM sampled, place
          WHERE sampled.document #>> place.path IS NOT NULL)
        SELECT name, count(*)::int AS sampled, count(*) FILTER (WHERE EXISTS
          (SELECT FROM ${relation(parent.name)} AS parent WHERE parent.${ident(key.name)} = ${valueSide('found.value', typeOf(key), 'exact')}))::int AS matched
        FROM found GROUP BY name`,
    },
  ];
}

export const documentQuestionId = (table: string, column: string): string => `documents of ${table}.${column}`;

/** Which of the names of types occur. The row without a name counts the sampled rows. */
export function typesQuestion(
  { table: name, type, types }: PolymorphicPair,
  names: readonly string[],
  snapshot: Snapshot,
): Question[] {
  const table = snapshot.tables.get(name);
  if (table === undefined || types !== undefined || names.length === 0) return [];
  const column = `own.${ident(type.name)}`;
  return [
    {
      id: typesQuestionId(name, type.name),
      sql: `WITH sampled AS MATERIALIZED (${sampleOf(table, `${column}::text AS value`, `${column} IS NOT NULL`)})
        SELECT '' AS name, count(*)::int AS sampled, 0 AS matched FROM sampled HAVING count(*) > 0
        UNION ALL
        SELECT value, count(*)::int, count(*)::int FROM sampled WHERE value IN (${literalList(names)}) GROUP BY value`,
    },
  ];
}

export const typesQuestionId = (table: string, column: string): string => `types of ${table}.${column}`;

/** The numbers of the types of tables, in a table of types as Django has it. `matched` is the number. */
export const contentTypesQuestion = (types: string, tables: readonly string[]): Question => ({
  id: CONTENT_TYPES,
  sql: `SELECT app_label || '_' || model AS name, 1 AS sampled, id::int AS matched FROM ${relation(types)}
    WHERE app_label || '_' || model IN (${literalList(tables)})`,
});

export const CONTENT_TYPES = 'content types';
