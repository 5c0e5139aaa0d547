import { createHash } from 'node:crypto';
import type { Manifest, ManifestFile } from '../../domain/archive.ts';
import type { Row } from '../first-rows.ts';
import { Markup, NOTHING, markup } from './markup.ts';
import { notes } from './notes.ts';
import { STYLE } from './style.ts';
import { section } from './table.ts';
import { counted, entries, heading, howToOpen, timestamp, law, lead, number, title } from './words.ts';

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
  yield head(manifest).text;
  for (const [index, file] of manifest.files.entries())
    if (file.rows > 0) yield section(file, await rowsOf(index), idOf(index)).text;
  yield foot(manifest).text;
}

const idOf = (index: number): string => `table-${index + 1}`;

const head = (manifest: Manifest): Markup => markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title(manifest)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${title(manifest)}</h1>
<p class="lead">${lead(manifest)}</p>
</header>
${facts(manifest)}
${overview(manifest.files)}
`;

function facts(manifest: Manifest): Markup {
  const found = manifest.files.filter((file) => file.rows > 0);
  const rows = found.reduce((sum, file) => sum + file.rows, 0);
  const told: readonly (readonly [name: string, value: string])[] = [
    ['Held by', manifest.project],
    ['Under', law(manifest.regulation)],
    ['Asked for', timestamp(manifest.receivedAt)],
    ['Made', timestamp(manifest.packagedAt)],
    ['From when', manifest.since === null ? 'From the beginning' : `Since ${timestamp(manifest.since)}`],
    ['How much', `${entries(rows)} in ${counted(found.length, 'table', 'tables')}`],
    ['Reference', manifest.requestId],
  ];
  return markup`<dl class="facts">
${told.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

function overview(files: readonly ManifestFile[]): Markup {
  const held = files.map((file, index) => ({ ...file, id: idOf(index) })).filter(({ rows }) => rows > 0);
  if (held.length === 0) return markup`<h2>What was found</h2>\n<p>Nothing. Every table was searched.</p>`;
  return markup`<h2 id="found">What was found</h2>
<div class="scroll"><table aria-labelledby="found">
<thead><tr><th scope="col">Table</th><th scope="col">What it holds</th><th scope="col" class="number">Entries</th></tr></thead>
<tbody>${held.map(
    ({ id, table, meaning, rows }) => markup`<tr><th scope="row"><a href="#${id}">${heading(table)}</a></th>
<td>${meaning ?? ''}</td><td class="number">${number(rows)}</td></tr>\n`,
  )}</tbody></table></div>
<h2>Table by table</h2>`;
}

const foot = (manifest: Manifest): Markup => markup`${notes(manifest)}
<footer>${manifest.scope === 'categories' ? NOTHING : markup`\n<p>${howToOpen(manifest.format)} Each file can be checked by the SHA-256 that the manifest names.</p>`}
<p><a href="manifest.json">manifest.json</a> is the manifest: it says the same for programs.</p>
</footer>
</main>
</body>
</html>
`;
