import type { ConfigError } from '../../connector.ts';
import type { Value } from '../../data-map/data-map.ts';
import { type NamedColumns, namedColumns } from '../../data-map/named-columns.ts';
import { columnPath } from '../../data-map/names.ts';
import type { Target } from '../../data-map/model.ts';
import { type ReferenceChange, referenceChanges } from '../../data-map/reference-changes.ts';
import { closest, suggestion } from '../../similar-names.ts';
import { columnsOfTable, findType, isCaseInsensitive, isSupported } from '../catalog/columns.ts';
import type { ColumnType } from '../catalog/types.ts';
import { clearableColumn } from '../changes/clearing.ts';
import { ident, relation } from '../sql.ts';
import type { Inspection } from './inspection.ts';

/** Checks that every column in the data map exists and has a type that suits its use. */
export function checkColumns(inspection: Inspection): readonly ConfigError[] {
  const { catalog, relations, context } = inspection;
  const named = namedColumns(context.settings).filter(({ table }) => relations.has(table));
  const found = named.flatMap((each) =>
    each.columns.flatMap((column): ConfigError[] => {
      const type = findType(catalog, each.table, column);
      if (type === undefined) {
        const existing = columnsOfTable(catalog, each.table);
        return [
          { path: each.path, message: `${each.table} has no column ${column}${suggestion(closest(column, existing))}` },
        ];
      }
      const message = typeError(each, column, type);
      if (message === undefined) return [];
      const needsNull =
        type.isNotNull && (each.use === 'blank' || (each.use === 'flag' && type.family === 'timestamp'));
      return [{ path: each.path, message, ...(needsNull && { sql: allowNull(each.table, column, type) }) }];
    }),
  );
  return [...found, ...checkChanges(inspection)];
}

const allowNull = (table: string, column: string, { full }: ColumnType): string =>
  `ALTER TABLE ${relation(table)} MODIFY ${ident(column)} ${full} NULL;`;

function typeError(
  { use, comparison, declaresType }: NamedColumns,
  column: string,
  type: ColumnType,
): string | undefined {
  const { family, full, isNotNull } = type;
  switch (use) {
    case 'flag':
      if (family !== 'boolean' && family !== 'timestamp')
        return `${column} is ${full}; it must be a timestamp, a date or a boolean`;
      return isNotNull && family !== 'boolean'
        ? `${column} is NOT NULL, so Lethe could not restore a subject; allow NULL`
        : undefined;
    case 'blank':
      return isNotNull
        ? `${column} is NOT NULL, so it cannot be blanked; allow NULL or remove it from blank`
        : undefined;
    case 'source':
      return clearableColumn(column, type) === undefined
        ? `${column} cannot be cleared: it is NOT NULL without a constant default, or part of a key`
        : undefined;
    case 'time':
      return family === 'timestamp' ? undefined : `${column} is ${full}; it must be a timestamp or a date`;
    case 'key':
    case 'find':
      if (!isSupported(type))
        return `${column} is ${full}; a column with identities must be of a text or integer type, UUID or BINARY(16)`;
      return (
        (declaresType ? declaredError(column, type, comparison) : undefined) ?? caseError(column, type, comparison)
      );
    case 'change':
      return type.isGenerated ? `${column} is generated, so it cannot be changed` : undefined;
    case 'contain':
    case 'join':
    case 'read':
      return undefined;
  }
}

/** The ledger digests the value in the form in which the column compares it (rule 10). */
function declaredError(
  column: string,
  { family, full }: ColumnType,
  comparison: NamedColumns['comparison'],
): string | undefined {
  const expected = family === 'uuid' ? 'uuid' : family === 'integer' || family === 'boolean' ? 'integer' : undefined;
  if (expected === undefined)
    return comparison === 'uuid' || comparison === 'integer' ? `${column} is ${full}; set match: 'exact'` : undefined;
  return comparison === expected ? undefined : `${column} is ${full}; set match: '${expected}'`;
}

/** A collation that finds other texts equal than the identity does would find rows of other subjects, or miss some. */
function caseError(
  column: string,
  { family, collation }: ColumnType,
  comparison: NamedColumns['comparison'],
): string | undefined {
  if (family !== 'text' || collation === null) return undefined;
  const isInsensitive = isCaseInsensitive(collation);
  if (isInsensitive === (comparison === 'caseInsensitive')) return undefined;
  return isInsensitive
    ? `${column} has the collation ${collation}, in which case does not count; set match: 'caseInsensitive', or give it a collation that ends with _bin`
    : `${column} has the collation ${collation}, in which case counts; remove match: 'caseInsensitive', or give it a collation that ends with _ci`;
}

/** Checks that kept rows can hold the values that replace what they have. */
function checkChanges({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) =>
    model.targets.flatMap((target) => [
      ...referenceErrors(target, (column) => findType(catalog, target.table, column)),
      ...anonymiseErrors(target, (column) => findType(catalog, target.table, column)),
    ]),
  );
}

type TypeOf = (column: string) => ColumnType | undefined;

/** The length of `deleted-` and 32 digits. */
const PSEUDONYM_LENGTH = 40;

function referenceErrors(target: Target, typeOf: TypeOf): ConfigError[] {
  const changes = referenceChanges(target);
  const key =
    target.detach === undefined ? `retain.${target.retain?.reassign === undefined ? 'unlink' : 'reassign'}` : 'detach';
  const errors = changes.flatMap(({ column, to }): ConfigError[] => {
    const type = typeOf(column);
    const message = type === undefined ? undefined : changeError(to, column, type);
    return message === undefined ? [] : [{ path: `${target.path}.${key}`, message }];
  });
  // A composite reference that allows NULL in one column can be removed.
  const isRemovable = target.retain?.unlink === 'null' && changes.length > 1 && errors.length < changes.length;
  return isRemovable ? [] : errors;
}

function changeError(to: ReferenceChange['to'], column: string, type: ColumnType): string | undefined {
  if (to === 'pseudonym') {
    const fits =
      type.family === 'uuid' ||
      type.base === 'bigint' ||
      (type.family === 'text' && (type.length ?? 0) >= PSEUDONYM_LENGTH);
    return fits && !type.full.includes('unsigned')
      ? undefined
      : `${column} is ${type.full}; a pseudonym needs a text of ${PSEUDONYM_LENGTH} characters, a UUID or a signed bigint`;
  }
  const value = 'ghost' in to ? to.ghost : to.value;
  if (value === null && type.isNotNull && columnPath(column).keys.length === 0)
    return `${column} is NOT NULL; use a constant or the key of a ghost row, or allow NULL`;
  return valueError(column, value, type);
}

function anonymiseErrors(target: Target, typeOf: TypeOf): ConfigError[] {
  return Object.entries(target.anonymise ?? {}).flatMap(([column, to]) => {
    const type = typeOf(column);
    const path = `${target.path}.anonymise.${column}`;
    if (type === undefined) return [];
    const isRandom = typeof to === 'object' && to !== null && 'random' in to;
    const message = isRandom
      ? randomError(column, type)
      : to === null && type.isNotNull
        ? `${column} is NOT NULL; use a constant, { placeholder: 'text {key}' } or { random: true }, or allow NULL`
        : valueError(
            column,
            typeof to === 'object' && to !== null && 'placeholder' in to ? to.placeholder : (to as Value | null),
            type,
          );
    return message === undefined ? [] : [{ path, message }];
  });
}

const randomError = (column: string, { family, base, full }: ColumnType): string | undefined =>
  (family === 'text' || family === 'uuid' || ['int', 'bigint'].includes(base)) && !full.includes('unsigned')
    ? undefined
    : `${column} is ${full}; a random value needs a text, a UUID or a signed int or bigint`;

function valueError(column: string, value: Value | null, { family, full, length }: ColumnType): string | undefined {
  if (value === null) return undefined;
  if (family === 'text' && length !== null && String(value).length > length)
    return `${column} is ${full}, so the value is too long`;
  return ['integer', 'number', 'boolean'].includes(family) && !/^-?\d+(\.\d+)?$/.test(String(Number(value)))
    ? `${column} is ${full} and cannot have the value ${JSON.stringify(value)}`
    : undefined;
}
