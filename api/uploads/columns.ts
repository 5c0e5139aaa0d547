/** The name of a column in the header, or its number from 1. */
export type Column = string | number;

export type ColumnSelection =
  | { readonly indexes: readonly number[] }
  | { readonly error: string; readonly detail: string };

export const MAX_COLUMN = 1_000;

/** Parses `user_id,3`. Digits are always a number, never a name. Returns null when the list is invalid. */
export function parseColumns(text: string): readonly Column[] | null {
  const columns = text.split(',').map((one) => one.trim());
  const parsed = columns.map((one) => (/^\d+$/.test(one) ? Number(one) : one));
  return parsed.some((one) => one === '' || one === 0 || (typeof one === 'number' && one > MAX_COLUMN)) ? null : parsed;
}

/**
 * Selects the columns that hold the parts of an identity. Without `columns`, these are all columns of the file, or the one
 * whose name is the type. Other files are rejected: a wrong guess would delete the wrong subjects.
 */
export function selectColumns(
  columns: readonly Column[] | undefined,
  header: readonly string[] | null,
  type: string,
  parts: number,
): ColumnSelection {
  if (columns !== undefined) return selectNamed(columns, header, parts);
  const first = Array.from({ length: parts }, (_, index) => index);
  if (header === null || header.length === parts) return { indexes: first };
  const index = header.indexOf(type);
  if (parts === 1 && index >= 0 && index === header.lastIndexOf(type)) return { indexes: [index] };
  return {
    error: 'columns_needed',
    detail: 'is required: the file has several columns, and Lethe does not guess which ones hold the identity',
  };
}

function selectNamed(columns: readonly Column[], header: readonly string[] | null, parts: number): ColumnSelection {
  if (columns.length !== parts) return { error: 'wrong_number_of_columns', detail: wrongNumberText(parts) };
  const indexes: number[] = [];
  for (const [at, column] of columns.entries()) {
    const entry = `entry ${at + 1}`;
    if (typeof column === 'number') {
      if (header !== null && column > header.length)
        return { error: 'unknown_column', detail: `${entry}: the header has ${header.length} columns` };
      indexes.push(column - 1);
      continue;
    }
    if (header === null)
      return { error: 'unknown_column', detail: `${entry} must be a number: the file has no header` };
    const index = header.indexOf(column);
    if (index < 0) return { error: 'unknown_column', detail: `${entry}: the header has no such column` };
    if (index !== header.lastIndexOf(column))
      return {
        error: 'ambiguous_column',
        detail: `${entry}: the header has this column more than once; use its number`,
      };
    indexes.push(index);
  }
  return { indexes };
}

const wrongNumberText = (parts: number): string =>
  parts === 1 ? 'must name one column' : `must name ${parts} columns, one for each part of the identity type`;
