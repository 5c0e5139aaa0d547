import type { ExportedColumn } from '../../domain/archive.ts';
import type { Row } from '../first-rows.ts';
import { type Html, NOTHING, html } from './html.ts';
import { shown } from './value.ts';
import { number } from './words.ts';

/** Wider tables are shown entry by entry: nobody can read them side by side. */
const MOST_COLUMNS = 5;

/** The first rows of a table; `id` is that of its heading. */
export function rowsOf(columns: readonly ExportedColumn[], rows: readonly Row[], id: string): Html {
  if (rows.length === 0) return NOTHING;
  if (rows.length > 1 && columns.length <= MOST_COLUMNS) return sideBySide(columns, rows, id);
  return html`${rows.map((row, index) => entry(columns, row, rows.length === 1 ? null : index + 1))}`;
}

const sideBySide = (columns: readonly ExportedColumn[], rows: readonly Row[], id: string): Html =>
  html` <div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">
    <table class="rows">
      <thead>
        <tr>
          ${columns.map(({ name, meaning }) => html`<th scope="col">${name}${small(meaning)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${cells(columns, row)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;

const cells = (columns: readonly ExportedColumn[], row: Row): readonly Html[] =>
  columns.map(({ type }, index) => html`<td>${shown(row[index] ?? null, type)}</td>`);

const entry = (columns: readonly ExportedColumn[], row: Row, count: number | null): Html =>
  html` <table class="entry">
    ${
      count === null
        ? NOTHING
        : html`<caption>
            Entry ${number(count)}
          </caption>`
    }
    <tbody>
      ${columns.map(
        ({ name, meaning, type }, index) =>
          html`<tr>
            <th scope="row">${name}${small(meaning)}</th>
            <td>${shown(row[index] ?? null, type)}</td>
          </tr> `,
      )}
    </tbody>
  </table>`;

const small = (meaning: string | null): Html => (meaning === null ? NOTHING : html`<small>${meaning}</small>`);
