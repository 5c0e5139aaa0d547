import { type IdentityTypes, normalize } from '../../domain/identity.ts';
import { bodyError, invalidRequest, type ValidationError } from '../http/validation-errors.ts';
import { identityTypeOf } from '../identities.ts';
import { type Column, findColumn } from './columns.ts';
import { splitRecord } from './csv.ts';
import type { Head } from './head.ts';

/** The values of the parameter `delimiter` and their characters. */
export const DELIMITERS = { ',': ',', ';': ';', tab: '\t', '|': '|' } as const;
export const DELIMITER_NAMES = [',', ';', 'tab', '|'] as const satisfies readonly (keyof typeof DELIMITERS)[];
export type DelimiterName = (typeof DELIMITER_NAMES)[number];

/** How to read a file. */
export interface Dialect {
  readonly delimiter: DelimiterName;
  /** `stated` by the caller or by `sep=`, `recognized` by the names in the header, or `assumed` to be a comma. */
  readonly source: 'stated' | 'recognized' | 'assumed';
  readonly hasHeader: boolean;
}

export interface DialectParameters {
  readonly type: string;
  readonly columns?: readonly Column[] | undefined;
  readonly header?: 'present' | 'absent' | undefined;
  readonly delimiter?: DelimiterName | undefined;
}
interface Rules {
  readonly types: IdentityTypes;
  readonly parts: number;
  readonly place: ValidationError['in'];
}

/**
 * Decides how to read a file, by the parameters and by the names of columns in its first record. Never guesses from values:
 * throws `invalid_request` if the record may be a subject or another delimiter.
 */
export function recognizeDialect(head: Head, parameters: DialectParameters, rules: Rules): Dialect {
  const stated = statedDelimiter(head, parameters, rules);
  const fallback = { delimiter: stated ?? ',', source: stated === undefined ? 'assumed' : 'stated' } as const;
  if (parameters.header === 'absent') return { ...fallback, hasHeader: false };
  const { record } = head;
  if (record === null) return { ...fallback, hasHeader: true };
  const names = namesOf(parameters);
  const found = (stated === undefined ? DELIMITER_NAMES : [stated])
    .map((delimiter) => ({ delimiter, fields: splitRecord(record, DELIMITERS[delimiter]) ?? [] }))
    .filter(({ fields }) => names.every((name) => findColumn(fields, name) !== 'missing'));
  const [split, another] = found.filter(({ fields }) => fields.length > 1);
  if (split !== undefined && another !== undefined)
    throw invalidRequest(
      [delimiterError(head.recordLine, { found: another.delimiter, otherwise: split.delimiter }, rules.place)],
      { line: head.recordLine },
    );
  if (split !== undefined)
    return { delimiter: split.delimiter, source: stated === undefined ? 'recognized' : 'stated', hasHeader: true };
  if (found.length === 0) requireStatedHeader(head.recordLine, record, stated, parameters, rules);
  return { ...fallback, hasHeader: true };
}

/** The columns whose names make a line a header: those of the caller, or the type. */
function namesOf({ columns = [], type }: DialectParameters): readonly string[] {
  const names = columns.filter((column) => typeof column === 'string');
  return names.length > 0 ? names : [type];
}

function statedDelimiter(
  { separator }: Head,
  { delimiter }: DialectParameters,
  { place }: Rules,
): DelimiterName | undefined {
  if (separator === null) return delimiter;
  const named = DELIMITER_NAMES.find((name) => DELIMITERS[name] === separator);
  if (named === undefined)
    throw invalidRequest([
      bodyError('/file', 'unknown_delimiter', 'names a delimiter in its first line that is neither , ; | nor a tab'),
    ]);
  if (delimiter !== undefined && delimiter !== named)
    throw invalidRequest([
      {
        in: place,
        pointer: '/delimiter',
        code: 'delimiter_contradicted',
        detail: `contradicts the first line of the file, which is sep=${named}`,
      },
    ]);
  return named;
}

/** The first record names no column that the caller looks for. Throws unless the caller states what it is. */
function requireStatedHeader(
  line: number,
  record: string,
  stated: DelimiterName | undefined,
  { columns, header, type }: DialectParameters,
  { types, parts, place }: Rules,
): void {
  const delimiter = stated ?? ',';
  const fields = splitRecord(record, DELIMITERS[delimiter]);
  const namesColumns = columns?.some((column) => typeof column === 'string') === true;
  const found = DELIMITER_NAMES.find((name) => name !== delimiter && splitsRecord(record, name));
  const errors: ValidationError[] = [];
  // The name of a column contains no delimiter. A subject may, if the caller states the delimiter.
  const isUnsplit = (fields?.length ?? 0) < 2 && (stated === undefined || header === 'present' || namesColumns);
  if (isUnsplit && found !== undefined) errors.push(delimiterError(line, { found, otherwise: delimiter }, place));
  if (header === undefined && !namesColumns && (fields !== null || errors.length > 0)) {
    const indexes = (columns ?? Array.from({ length: parts }, (_, index) => index + 1)).map(
      (column) => Number(column) - 1,
    );
    const value = indexes.flatMap((index) => fields?.[index]?.trim() ?? []);
    const canBeSubject = columns !== undefined || 'value' in normalize(identityTypeOf(types, type), value);
    errors.push({ in: place, ...(canBeSubject ? headerUnclear(line, type) : columnsNeeded(line, type)) });
  }
  if (errors.length > 0) throw invalidRequest(errors, { line });
}

const splitsRecord = (record: string, name: DelimiterName): boolean =>
  (splitRecord(record, DELIMITERS[name])?.length ?? 0) > 1;

const headerUnclear = (line: number, type: string) => ({
  pointer: '/header',
  code: 'header_unclear',
  detail: `is required: no column of line ${line} is named ${type}, so the line may be a subject; pass absent if it is one, and present or the name of the column in \`columns\` if it is a header`,
});

const columnsNeeded = (line: number, type: string) => ({
  pointer: '/columns',
  code: 'columns_needed',
  detail: `is required: no column of line ${line} is named ${type}; pass the name of the column, or header=present if it is the only one`,
});

/** `found` may separate columns on the line; `otherwise` is the delimiter if it does not. */
export const delimiterError = (
  line: number,
  { found, otherwise }: { readonly found: DelimiterName; readonly otherwise: DelimiterName },
  place: ValidationError['in'],
): ValidationError => ({
  in: place,
  pointer: '/delimiter',
  code: 'delimiter_unclear',
  detail: `is required: line ${line} contains ${TEXTS[found]}; pass delimiter=${found} if that separates the columns, and delimiter=${otherwise} if not`,
});

const TEXTS: Readonly<Record<DelimiterName, string>> = {
  ',': 'a comma',
  ';': 'a semicolon',
  tab: 'a tab',
  '|': 'a vertical bar',
};
