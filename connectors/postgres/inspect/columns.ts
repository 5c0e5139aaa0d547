import type { ConfigError } from '../../connector.ts';
import { isTimestamp, isInteger, isSupported, isText } from '../data-map/cast.ts';
import type { ColumnType } from '../data-map/catalog.ts';
import type { Inspection } from './inspection.ts';
import { type NamedColumns, namedColumns } from '../data-map/named-columns.ts';
import { clearableColumn } from '../delete/clear-columns.ts';
import { qualifiedName } from '../sql.ts';

/** Checks that every column in the data map exists and has a type that suits its use. */
export function checkColumns(inspection: Inspection): readonly ConfigError[] {
  const { catalog, relations, context } = inspection;
  const named = namedColumns(context.settings).filter(({ table }) => relations.has(table));
  const found = named.flatMap((each) =>
    each.columns.flatMap((column) => {
      const type = catalog.columns.get(each.table)?.get(column);
      const message = type === undefined ? `${each.table} has no column ${column}` : typeError(each, column, type);
      return message === undefined ? [] : [{ path: each.path, message }];
    }),
  );
  return [...found, ...checkUnlinks(inspection)];
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
      return declaresType ? comparisonError(column, type, comparison) : undefined;
    case 'join':
    case 'read':
      return undefined;
  }
}

/** The ledger digests the value in the form in which the column compares it (rule 10). */
function comparisonError(column: string, type: ColumnType, comparison: NamedColumns['comparison']): string | undefined {
  if (type.base === 'citext') return matchError(comparison === 'caseInsensitive', column, type, 'caseInsensitive');
  if (type.base === 'uuid') return matchError(comparison === 'uuid', column, type, 'uuid');
  if (isInteger(type)) return matchError(comparison === 'integer', column, type, 'integer');
  if (isText(type))
    return matchError(comparison === 'exact' || comparison === 'caseInsensitive', column, type, 'exact');
  return undefined;
}

const matchError = (fits: boolean, column: string, type: ColumnType, match: string): string | undefined =>
  fits ? undefined : `${column} is ${type.full}; set match: '${match}'`;

function checkUnlinks({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) =>
    model.targets.flatMap((target) => {
      if (target.retain?.unlink === undefined) return [];
      const columns = [
        ...target.matches.flatMap((match) => match.columns),
        ...(target.via?.on ?? []).map(([column]) => column),
      ];
      return columns.flatMap((column) => {
        const type = catalog.columns.get(qualifiedName(target.table))?.get(column);
        const message = type === undefined ? undefined : unlinkError(target.retain?.unlink, column, type);
        return message === undefined ? [] : [{ path: `${target.path}.retain.unlink`, message }];
      });
    }),
  );
}

/** The length of `deleted-` and 32 digits. */
const PSEUDONYM_LENGTH = 40;

function unlinkError(unlink: 'null' | 'pseudonym' | undefined, column: string, type: ColumnType): string | undefined {
  if (unlink === 'null')
    return type.isNotNull ? `${column} is NOT NULL; allow NULL or set unlink: 'pseudonym'` : undefined;
  const length = /\((\d+)\)/.exec(type.full)?.[1];
  const fits =
    type.base === 'uuid' ||
    type.base === 'int8' ||
    (isText(type) && Number(length ?? PSEUDONYM_LENGTH) >= PSEUDONYM_LENGTH);
  return fits
    ? undefined
    : `${column} is ${type.full}; a pseudonym needs text of ${PSEUDONYM_LENGTH} characters, uuid or bigint`;
}
