/** A column of a file: its name in the header, or its number, from 1. */
export type Column = string | number;

export type Chosen = { readonly indexes: readonly number[] } | { readonly error: string; readonly detail: string };

const MOST = 1_000;

/** `user_id,3`: what is a number is never a name. Null where one of them can be neither. */
export function parseColumns(text: string): readonly Column[] | null {
  const columns = text.split(',').map((one) => one.trim());
  const known = columns.map((one) => (/^\d+$/.test(one) ? Number(one) : one));
  return known.some((one) => one === '' || one === 0 || (typeof one === 'number' && one > MOST)) ? null : known;
}

/**
 * Which columns hold the parts of an identity. Lethe does not guess whose data to delete: where the caller has named none,
 * it is the one that is called like the type, or all of a file that has no others.
 */
export function chooseColumns(
  columns: readonly Column[] | undefined,
  header: readonly string[] | null,
  type: string,
  parts: number,
): Chosen {
  if (columns !== undefined) return named(columns, header, parts);
  const first = Array.from({ length: parts }, (_, index) => index);
  if (header === null || header.length === parts) return { indexes: first };
  const index = header.indexOf(type);
  if (parts === 1 && index >= 0 && index === header.lastIndexOf(type)) return { indexes: [index] };
  return { error: 'columns_needed', detail: 'says which of the columns of the file hold the identity' };
}

function named(columns: readonly Column[], header: readonly string[] | null, parts: number): Chosen {
  if (columns.length !== parts)
    return { error: 'wrong_number_of_columns', detail: `has not ${parts}, one for each part of the type` };
  const indexes: number[] = [];
  for (const [at, column] of columns.entries()) {
    const which = `column ${at + 1} of the list`;
    if (typeof column === 'number') {
      if (header !== null && column > header.length)
        return { error: 'unknown_column', detail: `${which} is beyond the header` };
      indexes.push(column - 1);
      continue;
    }
    if (header === null) return { error: 'unknown_column', detail: `${which} has to be a number: there is no header` };
    const index = header.indexOf(column);
    if (index < 0) return { error: 'unknown_column', detail: `${which} is not in the header` };
    if (index !== header.lastIndexOf(column))
      return { error: 'ambiguous_column', detail: `${which} is in the header more than once` };
    indexes.push(index);
  }
  return { indexes };
}
