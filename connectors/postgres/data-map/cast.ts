import type { Comparison } from '../../../domain/identity.ts';
import { ConnectorError } from '../../connector.ts';
import type { ColumnType } from './catalog.ts';

const INTEGERS: Readonly<Record<string, readonly [string, string]>> = {
  int2: ['-32768', '32767'],
  int4: ['-2147483648', '2147483647'],
  int8: ['-9223372036854775808', '9223372036854775807'],
};
const TEXTS: readonly string[] = ['text', 'varchar', 'bpchar', 'citext'];

export const isText = (type: ColumnType): boolean => TEXTS.includes(type.base);
export const isInteger = (type: ColumnType): boolean => type.base in INTEGERS || type.base === 'numeric';
export const isTimestamp = (type: ColumnType): boolean => ['timestamptz', 'timestamp', 'date'].includes(type.base);
export const isSupported = (type: ColumnType): boolean => isText(type) || isInteger(type) || type.base === 'uuid';

const isLowerCased = (type: ColumnType, comparison: Comparison): boolean =>
  comparison === 'caseInsensitive' && isText(type) && type.base !== 'citext';

/** The column as its index has it: never cast, and lower() only for a case-insensitive comparison of text. */
export const columnSide = (column: string, type: ColumnType, comparison: Comparison): string =>
  isLowerCased(type, comparison) ? `lower(${column})` : column;

/** The text of a column. Values that a case-insensitive comparison finds equal have the same text here. */
export function textOf(column: string, type: ColumnType, comparison: Comparison): string {
  if (isLowerCased(type, comparison)) return `lower(${column})::text`;
  return comparison === 'caseInsensitive' ? `lower(${column}::text COLLATE pg_catalog."default")` : `${column}::text`;
}

/** Casts a text value to the column's type. A value that has no such cast becomes NULL; CASE prevents an error. */
export function valueSide(value: string, type: ColumnType, comparison: Comparison): string {
  if (isLowerCased(type, comparison))
    return `lower(${value}${type.collation === null ? '' : ` COLLATE ${type.collation}`})`;
  if (type.base === 'text' || type.base === 'varchar') return value;
  if (type.base === 'bpchar' || type.base === 'citext') return `${value}::${type.base}`;
  if (type.base === 'uuid')
    return `CASE WHEN ${value} ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN ${value}::uuid END`;
  const number = `${value} ~ '^-?(0|[1-9][0-9]{0,18})$'`;
  if (type.base === 'numeric') return `CASE WHEN ${number} THEN ${value}::numeric END`;
  const range = INTEGERS[type.base];
  if (range === undefined)
    throw new ConnectorError('coverage_broken', `a column of type ${type.base} cannot hold an identity`, {
      retryable: false,
    });
  const [low, high] = range;
  return `CASE WHEN ${number} THEN CASE WHEN ${value}::numeric BETWEEN ${low} AND ${high} THEN ${value}::${type.base} END END`;
}
