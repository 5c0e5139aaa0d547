/** The name of a column in the header, or its number from 1. */
export type Column = string | number;

export type ColumnSelection =
  | {
      readonly indexes: readonly number[];
      /** The columns that were found by their name, in the spelling of the caller. */
      readonly names: readonly string[];
    }
  | { readonly pointer: '/columns' | '/file'; readonly code: string; readonly detail: string };

export const MAX_COLUMN = 1_000;

/** Parses `user_id,3`. Digits are always a number, never a name. Returns null when the list is invalid. */
export function parseColumns(text: string): readonly Column[] | null {
  const columns = text.split(',').map((one) => one.trim());
  const parsed = columns.map((one) => (/^\d+$/.test(one) ? Number(one) : one));
  return parsed.some((one) => one === '' || one === 0 || (typeof one === 'number' && one > MAX_COLUMN)) ? null : parsed;
}

/** Finds a column by its name. The exact spelling precedes other cases and blanks around it. */
export function findColumn(header: readonly string[], name: string): number | 'missing' | 'ambiguous' {
  const names = header.map((one) => one.trim());
  for (const isSame of [(one: string) => one === name, (one: string) => one.toLowerCase() === name.toLowerCase()]) {
    const index = names.findIndex(isSame);
    if (index >= 0) return index === names.findLastIndex(isSame) ? index : 'ambiguous';
  }
  return 'missing';
}

/**
 * Selects the columns that hold the parts of an identity. Without `columns`, this is the one whose name is the type, or all
 * columns of the file in their order. Other files are rejected: a wrong guess would delete the wrong subjects.
 */
export function selectColumns(
  columns: readonly Column[] | undefined,
  header: readonly string[] | null,
  type: string,
  parts: number,
): ColumnSelection {
  if (columns !== undefined) return selectNamed(columns, header, parts);
  const first = Array.from({ length: parts }, (_, index) => index);
  if (header === null) return { indexes: first, names: [] };
  if (header.length < parts)
    return {
      pointer: '/file',
      code: 'wrong_number_of_columns',
      detail: `has ${header.length} column in its header, and the identity type needs ${parts}; state \`delimiter\` if the columns are separated in another way`,
    };
  const index = findColumn(header, type);
  if (index === 'ambiguous')
    return columnsError('ambiguous_column', `is required: the header has ${type} more than once`);
  if (index === 'missing')
    return header.length === parts
      ? { indexes: first, names: [] }
      : columnsError('columns_needed', `is required: no column of the header is named ${type}`);
  if (parts === 1) return { indexes: [index], names: [type] };
  return header.length === parts && index === 0
    ? { indexes: first, names: [type] }
    : columnsError('columns_needed', `is required: ${wrongNumberText(parts)}`);
}

const columnsError = (code: string, detail: string): ColumnSelection => ({ pointer: '/columns', code, detail });

function selectNamed(columns: readonly Column[], header: readonly string[] | null, parts: number): ColumnSelection {
  if (columns.length !== parts) return columnsError('wrong_number_of_columns', wrongNumberText(parts));
  const indexes: number[] = [];
  const names: string[] = [];
  for (const [at, column] of columns.entries()) {
    const entry = `entry ${at + 1}`;
    if (typeof column === 'number') {
      if (header !== null && column > header.length)
        return columnsError('unknown_column', `${entry}: the header has ${header.length} columns`);
      indexes.push(column - 1);
      continue;
    }
    if (header === null) return columnsError('unknown_column', `${entry} must be a number: the file has no header`);
    const index = findColumn(header, column);
    if (index === 'missing') return columnsError('unknown_column', `${entry}: the header has no such column`);
    if (index === 'ambiguous')
      return columnsError('ambiguous_column', `${entry}: the header has this column more than once; use its number`);
    indexes.push(index);
    names.push(column);
  }
  return { indexes, names };
}

const wrongNumberText = (parts: number): string =>
  parts === 1 ? 'must name one column' : `must name ${parts} columns, one for each part of the identity type`;
