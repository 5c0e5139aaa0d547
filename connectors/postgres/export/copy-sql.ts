import type { ExportedColumn } from '../../connector.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import type { Exported } from './tables.ts';
import { ident } from '../sql.ts';

/**
 * One JSON object per line. The text form of COPY would double every backslash; in the csv form nothing is quoted,
 * because JSON holds neither \x01 nor \x02, and a newline only between tokens, in values of type json, where a space serves.
 * A JSON null in a column is told as an absent value: a row of JSON has one null.
 */
export function ndjson(table: Exported, catalog: Catalog): string {
  const row = 'row_to_json(exported.*)';
  const oneLine = table.columns.every(({ name }) => SAYS_NO_NEWLINE.includes(typeOf(catalog, table.table, name).base));
  return `COPY (SELECT ${oneLine ? row : `translate(${row}::text, E'\\n\\r', '  ')`}
    FROM (${table.rowsOf(readable(table, catalog))}) AS exported)
    TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02', ENCODING 'UTF8')`;
}

/** With a header. NULL is an empty cell, an empty text is "". */
export function csv(table: Exported, catalog: Catalog): string {
  const cells = table.columns.map(({ name }) => {
    const column = ident(name);
    const heading = ident(STARTS_A_FORMULA.includes(name.codePointAt(0) ?? 0) ? `'${name}` : name);
    if (COMPUTES_NOTHING.includes(typeOf(catalog, table.table, name).base)) return `${column} AS ${heading}`;
    return `CASE WHEN ascii(${column}::text) IN (${STARTS_A_FORMULA.join(', ')}) THEN '''' ELSE '' END || ${column}::text AS ${heading}`;
  });
  return `COPY (SELECT ${cells.join(', ')} FROM (${table.rowsOf(names(table.columns))}) AS exported)
    TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')`;
}

/** As texts what would not be read again as the JSON that its type makes of it. */
const readable = ({ table, columns }: Exported, catalog: Catalog): string =>
  columns
    .map(({ name }) => (typeOf(catalog, table, name).ownJson ? `${ident(name)}::text AS ${ident(name)}` : ident(name)))
    .join(', ');

const names = (columns: readonly ExportedColumn[]): string => columns.map(({ name }) => ident(name)).join(', ');

/** = + - @ TAB CR, and the wide = + - @ that spreadsheets take for them. */
const STARTS_A_FORMULA: readonly number[] = [0x3d, 0x2b, 0x2d, 0x40, 0x09, 0x0d, 0xff1d, 0xff0b, 0xff0d, 0xff20];

const NUMBERS: readonly string[] = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'money', 'oid'];
const INSTANTS: readonly string[] = ['date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval'];

/** Types whose text nobody chose, and which a spreadsheet reads as what it is, -5 among them: escaping would damage it. */
const COMPUTES_NOTHING: readonly string[] = [...NUMBERS, ...INSTANTS, 'bool', 'uuid', 'bytea', 'jsonb'];
const SAYS_NO_NEWLINE: readonly string[] = [...COMPUTES_NOTHING, 'text', 'varchar', 'bpchar', 'citext', 'inet'];
