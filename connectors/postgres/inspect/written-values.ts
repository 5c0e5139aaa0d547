import type { ConfigError } from '../../connector.ts';
import { isText } from '../data-map/cast.ts';
import { type ColumnType, findType } from '../data-map/catalog.ts';
import { columnPath, qualifiedName } from '../../data-map/names.ts';
import type { Conditions, Value } from '../../data-map/data-map.ts';
import { type Target, isSameTable } from '../../data-map/model.ts';
import { constantSql } from '../rows/constants.ts';
import { codeOf } from '../failure.ts';
import { relation, ident } from '../sql.ts';
import { type Part, readParts } from './indexes/existing-indexes.ts';
import type { Inspection } from './inspection.ts';

/** A value of the data map that a statement compares with a column, or writes into it. */
interface UsedValue {
  readonly path: string;
  readonly table: string;
  readonly column: string;
  readonly value: Value | null;
  /** `compared` with the column, or `written` into rows of any number of subjects. Ghosts are written and checked elsewhere. */
  readonly use: 'compared' | 'written' | 'ghost';
}

/** Checks that each column can hold the values that the data map compares with it or writes into it. */
export async function checkValues(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { context, catalog } = inspection;
  const targets = context.models.flatMap((model) => model.targets);
  const parts = await readParts(inspection);
  const errors: ConfigError[] = targets.flatMap((target) => randomErrors(target, inspection));
  for (const used of targets.flatMap(usedValues)) {
    const type = findType(catalog, used.table, used.column);
    if (type === undefined || columnPath(used.column).keys.length > 0) continue;
    const message =
      nullError(used, type) ??
      (await castError(used, type, inspection)) ??
      uniqueError(used, parts) ??
      (await referenceError(used, inspection));
    if (message !== undefined) errors.push({ path: used.path, message });
  }
  return errors;
}

function usedValues({ path, table, conditions, anonymise, detach }: Target): UsedValue[] {
  const valueOf = (key: string, column: string, value: Value | null, use: UsedValue['use']): UsedValue => ({
    path: `${path}.${key}.${column}`,
    table,
    column,
    value,
    use,
  });
  return [
    ...Object.entries(conditions).flatMap(([column, condition]) =>
      valuesOf(condition).map((value) => valueOf('where', column, value, 'compared')),
    ),
    ...Object.entries(anonymise ?? {}).flatMap(([column, to]) =>
      typeof to === 'object' && to !== null
        ? 'placeholder' in to
          ? [valueOf('anonymise', column, to.placeholder, to.placeholder.includes('{key}') ? 'compared' : 'written')]
          : []
        : [valueOf('anonymise', column, to, 'written')],
    ),
    // NULL and ghosts have checks of their own.
    ...Object.entries(detach ?? {}).flatMap(([column, to]) =>
      to === null
        ? []
        : typeof to === 'object'
          ? [valueOf('detach', column, to.ghost, 'ghost')]
          : [valueOf('detach', column, to, 'written')],
    ),
  ];
}

const valuesOf = (condition: Conditions[string]): readonly Value[] =>
  (Array.isArray(condition) ? (condition as readonly (Value | null)[]) : [condition as Value | null]).filter(
    (value) => value !== null,
  );

const nullError = ({ column, value, use }: UsedValue, { isNotNull }: ColumnType): string | undefined =>
  use === 'written' && value === null && isNotNull
    ? `${column} is NOT NULL; use a constant, { placeholder: 'text {key}' } or { random: true }, or allow NULL`
    : undefined;

const RANDOM_TYPES = ['uuid', 'int4', 'int8'];

function randomErrors({ path, table, anonymise }: Target, { catalog }: Inspection): ConfigError[] {
  return Object.entries(anonymise ?? {}).flatMap(([column, to]) => {
    const type = findType(catalog, table, column);
    const isRandom = typeof to === 'object' && to !== null && 'random' in to;
    if (!isRandom || type === undefined || isText(type) || RANDOM_TYPES.includes(type.base)) return [];
    const message = `${column} is ${type.full}; a random value needs a column of type text, uuid, integer or bigint`;
    return [{ path: `${path}.anonymise.${column}`, message }];
  });
}

async function castError(
  { column, value }: UsedValue,
  type: ColumnType,
  { session }: Inspection,
): Promise<string | undefined> {
  if (value === null) return undefined;
  // With `contains`, the value is an element of the array.
  const full = type.base.startsWith('_') ? type.base.slice(1) : type.full;
  const length = Number(/\((\d+)\)/.exec(type.full)?.[1]);
  if (isText(type) && String(value).length > length) return `${column} is ${type.full}, so the value is too long`;
  try {
    await session.rows(`SELECT (${constantSql(value)})::${full}`);
    return undefined;
  } catch (error) {
    if (!/^(22|23)/.test(codeOf(error))) throw error;
    return `${column} is ${type.full} and cannot have the value ${JSON.stringify(value)}`;
  }
}

/** The same value for several subjects. */
function uniqueError(
  { table, column, value, use }: UsedValue,
  parts: ReadonlyMap<string, readonly Part[]>,
): string | undefined {
  if (use === 'compared' || value === null) return undefined;
  const keys = [column, ident(column), `lower(${column})`, `lower(${ident(column)})`, `lower((${column})::text)`];
  const unique = (parts.get(qualifiedName(table)) ?? [])
    .flatMap(({ indexes }) => indexes)
    .find(
      (index) => index.isUnique && !index.isPartial && index.keys.length === 1 && keys.includes(index.keys[0] ?? ''),
    );
  return unique === undefined
    ? undefined
    : `${column} is unique (${unique.name}), so only one row can have the value; use null or a value with {key}`;
}

/** A foreign key of the column needs the row. Tables that Lethe does not read are not searched. */
async function referenceError(
  { table, column, value, use }: UsedValue,
  { session, catalog, relations, options }: Inspection,
): Promise<string | undefined> {
  if (use !== 'written' || value === null || options.schemaOnly === true) return undefined;
  const key = catalog.foreignKeys.find(
    ({ child, childColumns, parent }) =>
      isSameTable(child, table) && childColumns.length === 1 && childColumns[0] === column && relations.has(parent),
  );
  const there = key?.parentColumns[0];
  if (key === undefined || there === undefined) return undefined;
  const [row] = await session.rows<{ exists: boolean }>(
    `SELECT EXISTS (SELECT FROM ${relation(key.parent)} WHERE ${ident(there)} = ${constantSql(value)}) AS exists`,
  );
  return row?.exists === true
    ? undefined
    : `${key.parent} has no row with ${there} ${JSON.stringify(value)}, to which ${column} refers; insert it`;
}
