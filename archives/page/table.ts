import type { ManifestFile } from '../../domain/archive.ts';
import type { Row } from '../first-rows.ts';
import { type Html, NOTHING, html } from './html.ts';
import { rowsOf } from './rows.ts';
import { entries, heading, kindOf, number } from './words.ts';

/** One table that holds something. `rows`: its first ones; null where none are to be shown. */
export function section(file: ManifestFile, rows: readonly Row[] | null, id: string): Html {
  return html` <section aria-labelledby="${id}">
    <h3 id="${id}">${heading(file.table)}</h3>
    ${file.meaning === null ? NOTHING : html`<p>${file.meaning}</p>`}
    <p class="where">${entries(file.rows)} · <code>${file.table}</code> in ${file.processor}${link(file)}</p>
    ${rows === null || rows.length === 0 ? columnsOf(file) : html`${rowsOf(file.columns, rows, id)}${rest(file, rows.length)}`}
  </section>`;
}

const link = ({ path }: ManifestFile): Html => (path === null ? NOTHING : html` · <a href="${path}">${path}</a>`);

function rest(file: ManifestFile, shown: number): Html {
  if (shown >= file.rows || file.path === null) return NOTHING;
  const first = shown === 1 ? 'The first entry is' : `The first ${number(shown)} entries are`;
  return html`<p class="where">
    ${first} shown here. All ${number(file.rows)} are in <a href="${file.path}">${file.path}</a>.
  </p>`;
}

/** What the table consists of, where its rows are not shown. */
function columnsOf({ columns }: ManifestFile): Html {
  const counts = columns.some(({ filled }) => filled !== undefined);
  return html` <div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Column</th>
          <th scope="col">What it holds</th>
          ${counts ? html`<th scope="col" class="number">Filled in</th>` : NOTHING}
        </tr>
      </thead>
      <tbody>
        ${columns.map(
          ({ name, meaning, type, source, filled }) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td>
                ${meaning ?? kindOf(type)}${source ? html` <span class="none">(tells how data was collected)</span>` : NOTHING}
              </td>
              ${counts ? html`<td class="number">${entries(filled ?? 0)}</td>` : NOTHING}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}
