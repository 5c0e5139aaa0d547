import type { ConfigError } from '../../connector.ts';
import { isTimestamp, isInteger, isSupported, isText } from '../data-map/cast.ts';
import { type ColumnType, findType } from '../data-map/catalog.ts';
import type { Target } from '../../data-map/model.ts';
import { type ReferenceChange, referenceChanges } from '../../data-map/reference-changes.ts';
import { closest, suggestion } from '../../similar-names.ts';
import type { Inspection } from './inspection.ts';
import { type NamedColumns, namedColumns } from '../../data-map/named-columns.ts';
import { clearableColumn } from '../chunks/clear-columns.ts';
import { ident, relation } from '../sql.ts';

/** Checks that every column in the data map exists and has a type that suits its use. */
export function checkColumns(inspection: Inspection): readonly ConfigError[] {
  const { catalog, relations, context } = inspection;
  const named = namedColumns(context.settings).filter(({ table }) => relations.has(table));
  const found = named.flatMap((each) =>
    each.columns.flatMap((column) => {
      const type = findType(catalog, each.table, column);
      const message =
        type === undefined ? missingColumn(each.table, column, inspection) : typeError(each, column, type);
      if (message === undefined) return [];
      const needsNull = type !== undefined && type.isNotNull && becomesNull(each, type);
      return [{ path: each.path, message, ...(needsNull && { sql: allowNull(each.table, column) }) }];
    }),
  );
  return [...found, ...checkUnlinks(inspection)];
}

const becomesNull = ({ use }: NamedColumns, type: ColumnType): boolean =>
  use === 'blank' || (use === 'flag' && isTimestamp(type));

const allowNull = (table: string, column: string): string =>
  `ALTER TABLE ${relation(table)} ALTER ${ident(column)} DROP NOT NULL;`;

function missingColumn(table: string, column: string, { catalog }: Inspection): string {
  const existing = [...(catalog.columns.get(table)?.keys() ?? [])];
  return `${table} has no column ${column}${suggestion(closest(column, existing))}`;
}

function typeError(
  { use, comparison, declaresType }: NamedColumns,
  column: string,
  type: ColumnType,
): string | undefined {
  switch (use) {
    case 'flag':
      if (type.base !== 'bool' && !isTimestamp(type))
        return `${column} is ${type.full}; it must be a timestamp, a date or a boolean`;
      return type.isNotNull && type.base !== 'bool'
        ? `${column} is NOT NULL, so Lethe could not restore a subject; allow NULL`
        : undefined;
    case 'blank':
      return type.isNotNull
        ? `${column} is NOT NULL, so it cannot be blanked; allow NULL or remove it from blank`
        : undefined;
    case 'source':
      return clearableColumn(column, type) === undefined
        ? `${column} cannot be cleared: it is NOT NULL without a constant default, or part of a key`
        : undefined;
    case 'time':
      return isTimestamp(type) ? undefined : `${column} is ${type.full}; it must be a timestamp or a date`;
    case 'key':
    case 'find':
      if (!isSupported(type))
        return `${column} is ${type.full}; a column with identities must be of a text, uuid or integer type`;
      return declaresType ? comparisonError(column, type, comparison) : looserError(column, type, comparison);
    case 'contain':
      return type.base.startsWith('_') && isSupported({ ...type, base: type.base.slice(1) })
        ? undefined
        : `${column} is ${type.full}; contains needs an array of a text, uuid or integer type`;
    case 'change':
      return type.isGenerated ? `${column} is generated, so it cannot be changed` : undefined;
    case 'join':
    case 'read':
      return undefined;
  }
}

/** The ledger digests the value in the form in which the column compares it (rule 10). */
function comparisonError(column: string, type: ColumnType, comparison: NamedColumns['comparison']): string | undefined {
  const looser = looserError(column, type, comparison);
  if (looser !== undefined || type.base === 'citext') return looser;
  if (type.base === 'uuid') return matchError(comparison === 'uuid', column, type, 'uuid');
  if (isInteger(type)) return matchError(comparison === 'integer', column, type, 'integer');
  if (isText(type))
    return matchError(comparison === 'exact' || comparison === 'caseInsensitive', column, type, 'exact');
  return undefined;
}

/** A column that finds more texts equal than the identity does would find rows of other subjects. */
function looserError(column: string, type: ColumnType, comparison: NamedColumns['comparison']): string | undefined {
  if (!type.isDeterministic)
    return `${column} has the nondeterministic collation ${type.collation}, which the ledger cannot compare by; use a column of another collation, such as one generated as lower(${column})`;
  return matchError(type.base !== 'citext' || comparison === 'caseInsensitive', column, type, 'caseInsensitive');
}

const matchError = (fits: boolean, column: string, type: ColumnType, match: string): string | undefined =>
  fits ? undefined : `${column} is ${type.full}; set match: '${match}'`;

/** Checks that each kept row can hold the value that replaces its reference. */
function checkUnlinks({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) =>
    model.targets.flatMap((target) => {
      const changes = referenceChanges(target);
      const path = `${target.path}.${target.detach === undefined ? `retain.${target.retain?.reassign === undefined ? 'unlink' : 'reassign'}` : 'detach'}`;
      const errors = changes.flatMap(({ column, to }) => {
        const type = findType(catalog, target.table, column);
        const message = type === undefined ? undefined : changeError(to, column, type, target);
        if (message === undefined) return [];
        return [{ path, message, ...(to === 'pseudonym' ? {} : { sql: allowNull(target.table, column) }) }];
      });
      // A composite reference that allows NULL in one column can be removed.
      const isRemovable = target.retain?.unlink === 'null' && changes.length > 1 && errors.length < changes.length;
      return isRemovable ? [] : errors;
    }),
  );
}

/** The length of `deleted-` and 32 digits. */
const PSEUDONYM_LENGTH = 40;

function changeError(to: ReferenceChange['to'], column: string, type: ColumnType, target: Target): string | undefined {
  if (to !== 'pseudonym') {
    const isNull = 'value' in to && to.value === null;
    const isElement = target.matches.some(({ isArray }) => isArray === true);
    if (!isNull || isElement || !type.isNotNull) return undefined;
    return target.detach === undefined
      ? `${column} is NOT NULL; allow NULL (${allowNull(target.table, column)}), or use retain.reassign with the key of a ghost row`
      : `${column} is NOT NULL; use a constant or { ghost: key } instead of null, or allow NULL`;
  }
  const length = /\((\d+)\)/.exec(type.full)?.[1];
  const fits =
    type.base === 'uuid' ||
    type.base === 'int8' ||
    (isText(type) && Number(length ?? PSEUDONYM_LENGTH) >= PSEUDONYM_LENGTH);
  return fits
    ? undefined
    : `${column} is ${type.full}; a pseudonym needs text of ${PSEUDONYM_LENGTH} characters, uuid or bigint`;
}
