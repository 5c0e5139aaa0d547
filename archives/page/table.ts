import type { ExportedColumn, ManifestFile } from '../../domain/archive.ts';
import type { Row } from './first-rows.ts';
import { type Markup, EMPTY, markup } from './markup.ts';
import { renderRows } from './rows.ts';
import { describeType, formatContents, formatEntries, formatNumber, titleOfTable } from './wording.ts';

/** Renders a table that has rows. `rows` are the first ones, or null if rows are not shown. */
export const renderSection = (file: ManifestFile, rows: readonly Row[] | null, id: string): Markup => markup`
<section aria-labelledby="${id}">
<h3 id="${id}">${titleOfTable(file.table)}</h3>
${file.meaning === null ? EMPTY : markup`<p>${file.meaning}</p>`}
<p class="where">${formatContents(file)} · <code>${file.table}</code> in system ${file.system}${renderLink(file)}</p>
${file.hasFiles === true && file.path !== null ? EMPTY : rows === null || rows.length === 0 ? renderColumns(file, id) : markup`${renderRows(file.columns, rows, id)}${renderRemainder(file, rows.length)}`}
</section>
`;

const renderLink = ({ path }: ManifestFile): Markup =>
  path === null ? EMPTY : markup` · <a href="${path}">${path}</a>`;

function renderRemainder(file: ManifestFile, shown: number): Markup {
  if (shown >= file.rows || file.path === null) return EMPTY;
  const first = shown === 1 ? 'The first entry is' : `The first ${formatNumber(shown)} entries are`;
  return markup`
<p class="where">${first} shown here. All ${formatNumber(file.rows)} are in <a href="${file.path}">${file.path}</a>.</p>`;
}

/** Renders the columns of a table whose rows are not shown. */
function renderColumns({ columns }: ManifestFile, id: string): Markup {
  const counted = columns.some(({ filled }) => filled !== undefined);
  return markup`<div class="scroll"><table aria-labelledby="${id}">
<thead><tr><th scope="col">Column</th><th scope="col">Description</th>${
    counted ? markup`<th scope="col" class="number">Filled in</th>` : EMPTY
  }</tr></thead>
<tbody>${columns.map(
    (column) =>
      markup`<tr><th scope="row">${column.name}</th><td>${renderMeaning(column)}</td>${
        counted ? markup`<td class="number">${formatEntries(column.filled ?? 0)}</td>` : EMPTY
      }</tr>\n`,
  )}</tbody></table></div>`;
}

const renderMeaning = ({ meaning, type, source }: ExportedColumn): Markup =>
  markup`${meaning ?? describeType(type)}${source ? markup` <span class="none">(shows how data was collected)</span>` : EMPTY}`;
