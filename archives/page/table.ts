import type { ExportedColumn, ManifestFile } from '../../domain/archive.ts';
import type { Row } from '../first-rows.ts';
import { type Markup, NOTHING, markup } from './markup.ts';
import { rowsOf } from './rows.ts';
import { entries, heading, kindOf, number } from './words.ts';

/** One table that holds something. `rows`: its first ones; null where none are to be shown. */
export const section = (file: ManifestFile, rows: readonly Row[] | null, id: string): Markup => markup`
<section aria-labelledby="${id}">
<h3 id="${id}">${heading(file.table)}</h3>
${file.meaning === null ? NOTHING : markup`<p>${file.meaning}</p>`}
<p class="where">${entries(file.rows)} · <code>${file.table}</code> in ${file.system}${link(file)}</p>
${rows === null || rows.length === 0 ? columnsOf(file) : markup`${rowsOf(file.columns, rows, id)}${rest(file, rows.length)}`}
</section>
`;

const link = ({ path }: ManifestFile): Markup => (path === null ? NOTHING : markup` · <a href="${path}">${path}</a>`);

function rest(file: ManifestFile, shown: number): Markup {
  if (shown >= file.rows || file.path === null) return NOTHING;
  const first = shown === 1 ? 'The first entry is' : `The first ${number(shown)} entries are`;
  return markup`
<p class="where">${first} shown here. All ${number(file.rows)} are in <a href="${file.path}">${file.path}</a>.</p>`;
}

/** What the table consists of, where its rows are not shown. */
function columnsOf({ columns }: ManifestFile): Markup {
  const counted = columns.some(({ filled }) => filled !== undefined);
  return markup`<div class="scroll"><table>
<caption>Its columns</caption>
<thead><tr><th scope="col">Column</th><th scope="col">What it holds</th>${
    counted ? markup`<th scope="col" class="number">Filled in</th>` : NOTHING
  }</tr></thead>
<tbody>${columns.map(
    (column) =>
      markup`<tr><th scope="row">${column.name}</th><td>${meaningOf(column)}</td>${
        counted ? markup`<td class="number">${entries(column.filled ?? 0)}</td>` : NOTHING
      }</tr>\n`,
  )}</tbody></table></div>`;
}

const meaningOf = ({ meaning, type, source }: ExportedColumn): Markup =>
  markup`${meaning ?? kindOf(type)}${source ? markup` <span class="none">(tells how data was collected)</span>` : NOTHING}`;
