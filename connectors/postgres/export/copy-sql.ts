import type { ExportedColumn } from '../../connector.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { OWNERS } from './owners.ts';
import type { SelectedTable } from './tables.ts';
import { escapeFormula, FORMULA } from '../../../domain/text/formulas.ts';
import { ident } from '../sql.ts';

/**
 * One JSON object per line. COPY's text format would double backslashes. In its csv format nothing is quoted, because
 * JSON contains neither \x01 nor \x02; newlines between tokens of a json value become spaces. JSON null equals NULL.
 */
export function copyNdjson(table: SelectedTable, catalog: Catalog, hasOwners: boolean): string {
  const cells = table.columns.map(({ name }) => `exported.${ident(name)}`).join(', ');
  const row = hasOwners ? `(SELECT row_to_json(line.*) FROM (SELECT ${cells}) AS line)` : 'row_to_json(exported.*)';
  const isSingleLine = table.columns.every(({ name }) =>
    SINGLE_LINE_TYPES.includes(typeOf(catalog, table.table, name).base),
  );
  const line = isSingleLine ? row : `translate(${row}::text, E'\\n\\r', '  ')`;
  return `COPY (${select(table, loadableColumns(table, catalog), [line], hasOwners)})
    TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02', ENCODING 'UTF8')`;
}

/** CSV with a header. NULL becomes an empty cell, an empty text becomes `""`. */
export function copyCsv(table: SelectedTable, catalog: Catalog, hasOwners: boolean): string {
  const cells = table.columns.map(({ name }) => {
    const column = `exported.${ident(name)}`;
    const heading = ident(escapeFormula(name));
    if (FORMULA_SAFE_TYPES.includes(typeOf(catalog, table.table, name).base)) return `${column} AS ${heading}`;
    return `CASE WHEN ${isFormula(`${column}::text`)} THEN '''' ELSE '' END || ${column}::text AS ${heading}`;
  });
  return `COPY (${select(table, names(table.columns), cells, hasOwners)})
    TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')`;
}

/** The owners are the first cell, and rows of the same owners follow each other. */
const select = (table: SelectedTable, columns: string, cells: readonly string[], hasOwners: boolean): string =>
  hasOwners
    ? `SELECT array_to_string(exported.${OWNERS}, ' ') AS owners, ${cells.join(', ')}
    FROM (${table.ownedRowsOf(columns)}) AS exported ORDER BY exported.${OWNERS}`
    : `SELECT ${cells.join(', ')} FROM (${table.rowsOf(columns)}) AS exported`;

/** Casts a column to text if its JSON form cannot be loaded again. */
const loadableColumns = ({ table, columns }: SelectedTable, catalog: Catalog): string =>
  columns
    .map(({ name }) =>
      typeOf(catalog, table, name).hasCustomJson ? `${ident(name)}::text AS ${ident(name)}` : ident(name),
    )
    .join(', ');

const names = (columns: readonly ExportedColumn[]): string => columns.map(({ name }) => ident(name)).join(', ');

/** Most texts begin with a letter or digit of ASCII, which is cheaper to tell than a regular expression. */
const isFormula = (column: string): string =>
  `CASE WHEN ascii(${column}) BETWEEN 48 AND 57 OR ascii(${column}) BETWEEN 65 AND 90 OR ascii(${column}) BETWEEN 97 AND 122
    THEN false ELSE ${column} ~ ${FORMULA_LITERAL} END`;
/** Independent of `standard_conforming_strings`. */
const FORMULA_LITERAL = `E'${FORMULA.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

const NUMBER_TYPES: readonly string[] = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'money', 'oid'];
const TIMESTAMP_TYPES: readonly string[] = ['date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval'];

/** Types whose text cannot be a formula. An apostrophe would damage values such as -5. */
const FORMULA_SAFE_TYPES: readonly string[] = [...NUMBER_TYPES, ...TIMESTAMP_TYPES, 'bool', 'uuid', 'bytea', 'jsonb'];
const SINGLE_LINE_TYPES: readonly string[] = [...FORMULA_SAFE_TYPES, 'text', 'varchar', 'bpchar', 'citext', 'inet'];
