import type { Manifest, ManifestFile } from '../../domain/archive.ts';
import { type Markup, EMPTY, markup } from './markup.ts';
import { formatTimestamp, titleOfTable } from './wording.ts';

/** Renders what the tables do not show: retained and anonymised rows, missing systems, tables without rows, and the dates of the copies. */
export function renderNotes({ files, since, notIncluded, systems }: Manifest): Markup {
  const nonEmpty = files.filter(({ rows }) => rows > 0);
  const empty = files.filter(({ rows }) => rows === 0);
  const kept = nonEmpty.flatMap(({ table, retained }) =>
    retained === null ? [] : [`${titleOfTable(table)}: ${retained}`],
  );
  const anonymous = nonEmpty.flatMap((file) => {
    const replaced = replacedColumns(file);
    return replaced.length === 0 ? [] : [`${titleOfTable(file.table)}: ${replaced.join(', ')}`];
  });
  const undated = since === null ? [] : nonEmpty.filter(({ windowed }) => !windowed);
  const timestamps = systems.map(({ system, cutOffAt }) => `${system}: ${formatTimestamp(cutOffAt)}`);
  return markup`${renderNote(
    'Data kept after a deletion',
    'If the data is deleted, entries in these tables are kept for the reason given:',
    kept,
  )}${renderNote(
    'Data made anonymous by a deletion',
    'If the data is deleted, entries in these tables are kept, and these of their values are replaced:',
    anonymous,
  )}${renderNote(
    'Data not included',
    'These systems may contain more data, but cannot export it automatically:',
    notIncluded,
  )}${renderNote(
    'Tables without dates',
    `Other tables contain only entries since ${since === null ? '' : formatTimestamp(since)}. These tables do not record when an entry was created, so all of their entries are included:`,
    undated.map(({ table }) => titleOfTable(table)),
  )}${renderNote(
    'Tables without entries',
    'These tables were also searched, but no entries were found:',
    empty.map(({ table }) => titleOfTable(table)),
  )}${renderNote('Date of the copy', 'The data of each system was copied as it was at this time:', timestamps)}`;
}

/** The descriptions of the shown columns that a deletion replaces. */
const replacedColumns = ({ columns, anonymised }: ManifestFile): readonly string[] =>
  columns.filter(({ name }) => anonymised.includes(name)).map(({ name, meaning }) => meaning ?? name);

const renderNote = (title: string, intro: string, items: readonly string[]): Markup =>
  items.length === 0
    ? EMPTY
    : markup`
<h2>${title}</h2>
<p>${intro}</p>
<ul class="plain">${items.map((item) => markup`<li>${item}</li>\n`)}</ul>`;
