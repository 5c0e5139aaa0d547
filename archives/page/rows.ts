import type { ExportedColumn } from '../../domain/archive.ts';
import type { Row } from './first-rows.ts';
import { type Markup, EMPTY, markup } from './markup.ts';
import { renderValue } from './value.ts';
import { formatNumber } from './wording.ts';

/** Tables with more columns are shown entry by entry, because they are too wide to read. */
const MAX_COLUMNS = 5;

/** Renders the first rows of a table. `id` is the ID of its heading. */
export function renderRows(columns: readonly ExportedColumn[], rows: readonly Row[], id: string): Markup {
  if (rows.length > 1 && columns.length <= MAX_COLUMNS) return renderTable(columns, rows, id);
  return markup`${rows.map((row, index) => renderEntry(columns, row, rows.length === 1 ? null : index + 1))}`;
}

const renderTable = (columns: readonly ExportedColumn[], rows: readonly Row[], id: string): Markup => markup`
<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0"><table class="rows" aria-labelledby="${id}">
<thead><tr>${columns.map(({ name, meaning }) => markup`<th scope="col">${name}${renderMeaning(meaning)}</th>`)}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${renderCells(columns, row)}</tr>\n`)}</tbody>
</table></div>`;

const renderCells = (columns: readonly ExportedColumn[], row: Row): readonly Markup[] =>
  columns.map(({ type }, index) => markup`<td>${renderValue(row[index] ?? null, type)}</td>`);

const renderEntry = (columns: readonly ExportedColumn[], row: Row, count: number | null): Markup => markup`
<table class="entry">${count === null ? EMPTY : markup`<caption>Entry ${formatNumber(count)}</caption>`}
<tbody>${columns.map(
  ({ name, meaning, type }, index) =>
    markup`<tr><th scope="row">${name}${renderMeaning(meaning)}</th><td>${renderValue(row[index] ?? null, type)}</td></tr>\n`,
)}</tbody></table>`;

const renderMeaning = (meaning: string | null): Markup =>
  meaning === null ? EMPTY : markup`<small>${meaning}</small>`;
