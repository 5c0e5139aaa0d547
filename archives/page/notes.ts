import type { Manifest } from '../../domain/archive.ts';
import { type Markup, NOTHING, markup } from './markup.ts';
import { heading, timestamp } from './words.ts';

/** What the tables do not say by themselves: what would stay, what is not in here, and as of when. */
export function notes({ files, since, notIncluded, systems }: Manifest): Markup {
  const held = files.filter(({ rows }) => rows > 0);
  const empty = files.filter(({ rows }) => rows === 0);
  const kept = held.flatMap(({ table, retained }) => (retained === null ? [] : [`${heading(table)}: ${retained}`]));
  const whole = since === null ? [] : held.filter(({ windowed }) => !windowed);
  const timestamps = systems.map(({ system, cutOffAt }) => `${system}: ${timestamp(cutOffAt)}`);
  return markup`${note(
    'What a deletion would keep',
    'Were everything deleted, entries of these tables would stay, for the reason given:',
    kept,
  )}${note('What is not included', 'These systems may hold data too, and cannot hand it out by themselves:', notIncluded)}${note(
    'Tables without a time',
    `Of other tables only entries since ${since === null ? '' : timestamp(since)} are included. These do not say when an entry was made, and are here whole:`,
    whole.map(({ table }) => heading(table)),
  )}${note(
    'Where nothing was found',
    'These tables were searched too:',
    empty.map(({ table }) => heading(table)),
  )}${note('As of when', 'All tables of a system stand as they stood at one point in time:', timestamps)}`;
}

const note = (title: string, intro: string, items: readonly string[]): Markup =>
  items.length === 0
    ? NOTHING
    : markup`
<h2>${title}</h2>
<p>${intro}</p>
<ul class="plain">${items.map((item) => markup`<li>${item}</li>\n`)}</ul>`;
