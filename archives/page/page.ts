import { createHash } from 'node:crypto';
import type { Manifest, ManifestFile } from '../../domain/archive.ts';
import type { Row } from '../first-rows.ts';
import { type Html, NOTHING, html, Html as Markup } from './html.ts';
import { STYLE } from './style.ts';
import { section } from './table.ts';
import { counted, entries, heading, howToOpen, instant, law, lead, number, title } from './words.ts';

/** Only this one style: no script, no picture, no request to anywhere. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/**
 * `index.html`: the archive in words, for the person it is about. Table by table, so that only one is in memory;
 * `rowsOf` tells the first rows of the file at an index, or null where none are to be shown.
 */
export async function* page(
  manifest: Manifest,
  rowsOf: (index: number) => Promise<readonly Row[] | null>,
): AsyncGenerator<string> {
  yield head(manifest).markup;
  for (const [index, file] of manifest.files.entries())
    if (file.rows > 0) yield section(file, await rowsOf(index), `table-${index + 1}`).markup;
  yield foot(manifest).markup;
}

const head = (manifest: Manifest): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${title(manifest)}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${title(manifest)}</h1>
            <p class="lead">${lead(manifest)}</p>
          </header>
          ${facts(manifest)} ${overview(manifest)}
        </main>
      </body>
    </html> `;

function facts(manifest: Manifest): Html {
  const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
  const told: readonly (readonly [string, string])[] = [
    ['Held by', manifest.project],
    ['Under', law(manifest.regulation)],
    ['Asked for', instant(manifest.receivedAt)],
    ['Made', instant(manifest.packagedAt)],
    ['From when', manifest.since === null ? 'From the beginning' : `Since ${instant(manifest.since)}`],
    ['How much', `${entries(rows)} in ${counted(manifest.files.length, 'table', 'tables')}`],
    ['Reference', manifest.requestId],
  ];
  return html`<dl class="facts">
    ${told.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div> `,
    )}
  </dl>`;
}

const held = (manifest: Manifest): readonly ManifestFile[] => manifest.files.filter(({ rows }) => rows > 0);

function overview(manifest: Manifest): Html {
  if (held(manifest).length === 0)
    return html`<h2>What was found</h2>
      <p>Nothing. All tables were searched.</p>`;
  return html`<h2>What was found</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Table</th>
            <th scope="col">What it holds</th>
            <th scope="col" class="number">Entries</th>
          </tr>
        </thead>
        <tbody>
          ${manifest.files.map((file, index) =>
            file.rows === 0
              ? NOTHING
              : html`<tr>
                  <th scope="row"><a href="#table-${index + 1}">${heading(file.table)}</a></th>
                  <td>${file.meaning ?? ''}</td>
                  <td class="number">${number(file.rows)}</td>
                </tr> `,
          )}
        </tbody>
      </table>
    </div>
    <h2>Table by table</h2>`;
}

const foot = (manifest: Manifest): Html => html`
${notes(manifest)}
<footer>
<p>${manifest.scope === 'categories' ? '' : howToOpen(manifest.format)}
<a href="manifest.json">manifest.json</a> names every table with its number of entries${manifest.scope === 'categories' ? '' : ' and the SHA-256 of its file'}.</p>
</footer>
</main>
</body>
</html>
`;

function notes(manifest: Manifest): Html {
  const { files, since, notIncluded, processors } = manifest;
  const list = (heading: string, intro: string, items: readonly Html[]): Html =>
    items.length === 0
      ? NOTHING
      : html`<h2>${heading}</h2>
          <p>${intro}</p>
          <ul class="plain">
            ${items}
          </ul>`;
  const item = (text: string): Html => html`<li>${text}</li> `;
  const empty = files.filter(({ rows }) => rows === 0);
  const whole = since === null ? [] : held(manifest).filter(({ windowed }) => !windowed);
  const kept = held(manifest).filter(({ retained }) => retained !== null);
  return html`${list(
    'What a deletion would keep',
    'Were everything deleted, entries of these tables would stay, for the reason given:',
    kept.map(({ table, retained }) => html`<li><b>${heading(table)}</b>: ${retained ?? ''}</li> `),
  )}${list(
    'What is not included',
    'These systems may hold data too, and cannot hand it out by themselves:',
    notIncluded.map(item),
  )}${list(
    'Tables that are here whole',
    `Other tables begin on ${since === null ? '' : instant(since)}. These do not say when an entry was made:`,
    whole.map(({ table }) => item(heading(table))),
  )}${list(
    'Where nothing was found',
    'These were searched too:',
    empty.map(({ table }) => item(heading(table))),
  )}${list(
    'As of when',
    'All tables of a system stand as they stood at one instant:',
    processors.flatMap(({ processor, cutOffAt }) =>
      cutOffAt === null ? [] : [item(`${processor}: ${instant(cutOffAt)}`)],
    ),
  )}`;
}
