import { createHash } from 'node:crypto';
import type { Manifest, ManifestFile } from '../../domain/archive.ts';
import type { Row } from './first-rows.ts';
import { Markup, EMPTY, markup } from './markup.ts';
import { renderNotes } from './notes.ts';
import { STYLE } from './style.ts';
import { renderSection } from './table.ts';
import {
  formatCount,
  formatEntries,
  formatNumber,
  formatTimestamp,
  howToOpen,
  leadOf,
  regulationTitle,
  titleOf,
  titleOfTable,
} from './wording.ts';

/** Allows only this style sheet: no scripts, no images, no network requests. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/**
 * Renders `index.html`, the description of the archive for the data subject. Streams it table by table to limit memory
 * use. `rowsOf` returns the first rows of the file at an index, or null if rows are not shown.
 */
export async function* renderPage(
  manifest: Manifest,
  rowsOf: (index: number) => Promise<readonly Row[] | null>,
): AsyncGenerator<string> {
  yield renderHead(manifest).text;
  for (const [index, file] of manifest.files.entries())
    if (file.rows > 0) yield renderSection(file, await rowsOf(index), idOf(index)).text;
  yield renderFoot(manifest).text;
}

const idOf = (index: number): string => `table-${index + 1}`;

const renderHead = (manifest: Manifest): Markup => markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${titleOf(manifest)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${titleOf(manifest)}</h1>
<p class="lead">${leadOf(manifest)}</p>
</header>
${renderFacts(manifest)}
${renderOverview(manifest.files)}
`;

function renderFacts(manifest: Manifest): Markup {
  const found = manifest.files.filter((file) => file.rows > 0);
  const rows = found.reduce((sum, file) => sum + file.rows, 0);
  const details: readonly (readonly [name: string, value: string])[] = [
    ['Held by', manifest.project],
    ['Regulation', regulationTitle(manifest.regulation)],
    ['Requested', formatTimestamp(manifest.receivedAt)],
    ['Created', formatTimestamp(manifest.packagedAt)],
    ['Period', manifest.since === null ? 'All data, regardless of age' : `Since ${formatTimestamp(manifest.since)}`],
    ['Contents', `${formatEntries(rows)} in ${formatCount(found.length, 'table', 'tables')}`],
    ['Reference number', manifest.requestId],
  ];
  return markup`<dl class="facts">
${details.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

function renderOverview(files: readonly ManifestFile[]): Markup {
  const held = files.map((file, index) => ({ ...file, id: idOf(index) })).filter(({ rows }) => rows > 0);
  if (held.length === 0) return markup`<h2>Overview</h2>\n<p>No data was found. All tables were searched.</p>`;
  return markup`<h2 id="overview">Overview</h2>
<div class="scroll"><table aria-labelledby="overview">
<thead><tr><th scope="col">Table</th><th scope="col">Description</th><th scope="col" class="number">Entries</th></tr></thead>
<tbody>${held.map(
    ({ id, table, meaning, rows }) => markup`<tr><th scope="row"><a href="#${id}">${titleOfTable(table)}</a></th>
<td>${meaning ?? ''}</td><td class="number">${formatNumber(rows)}</td></tr>\n`,
  )}</tbody></table></div>
<h2>Tables</h2>`;
}

const renderFoot = (manifest: Manifest): Markup => markup`${renderNotes(manifest)}
<footer>${manifest.scope === 'categories' ? EMPTY : markup`\n<p>${howToOpen(manifest)} The manifest lists the SHA-256 checksum of each file.</p>`}
<p>The manifest, <a href="manifest.json">manifest.json</a>, contains the same information in a form that programs can read.</p>
</footer>
</main>
</body>
</html>
`;
