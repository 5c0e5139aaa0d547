/**
 * Cells as COPY writes them (RFC 4180): an empty one is null, `""` is an empty text. The header is a row; a row that is cut
 * off is none.
 */
export function csvRows(text: string, most: number): readonly (readonly (string | null)[])[] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n)/y;
  while (rows.length < most) {
    const found = cell.exec(text);
    if (found === null) return rows;
    const [, quoted, plain = '', end] = found;
    row.push(quoted?.replaceAll('""', '"') ?? (plain === '' ? null : plain));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
