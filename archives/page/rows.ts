import type { ExportedColumn } from '../../domain/archive.ts';
import type { Row } from '../first-rows.ts';
import { type Markup, NOTHING, markup } from './markup.ts';
import { shown } from './value.ts';
import { number } from './words.ts';

/** Wider tables are shown entry by entry: nobody can read them side by side. */
const MOST_COLUMNS = 5;

/** The first rows of a table; `id` is that of its heading. */
export function rowsOf(columns: readonly ExportedColumn[], rows: readonly Row[], id: string): Markup {
  if (rows.length > 1 && columns.length <= MOST_COLUMNS) return sideBySide(columns, rows, id);
  return markup`${rows.map((row, index) => entry(columns, row, rows.length === 1 ? null : index + 1))}`;
}

const sideBySide = (columns: readonly ExportedColumn[], rows: readonly Row[], id: string): Markup => markup`
<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0"><table class="rows" aria-labelledby="${id}">
<thead><tr>${columns.map(({ name, meaning }) => markup`<th scope="col">${name}${small(meaning)}</th>`)}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${cells(columns, row)}</tr>\n`)}</tbody>
</table></div>`;

const cells = (columns: readonly ExportedColumn[], row: Row): readonly Markup[] =>
  columns.map(({ type }, index) => markup`<td>${shown(row[index] ?? null, type)}</td>`);

const entry = (columns: readonly ExportedColumn[], row: Row, count: number | null): Markup => markup`
<table class="entry">${count === null ? NOTHING : markup`<caption>Entry ${number(count)}</caption>`}
<tbody>${columns.map(
  ({ name, meaning, type }, index) =>
    markup`<tr><th scope="row">${name}${small(meaning)}</th><td>${shown(row[index] ?? null, type)}</td></tr>\n`,
)}</tbody></table>`;

const small = (meaning: string | null): Markup => (meaning === null ? NOTHING : markup`<small>${meaning}</small>`);
