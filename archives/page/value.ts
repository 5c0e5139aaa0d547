import type { Value } from '../first-rows.ts';
import { type Markup, markup } from './markup.ts';

const LONGEST = 2_000;
const DEEPEST = 4;

const said = (words: string): Markup => markup`<i class="none">${words}</i>`;

/** What stands in a cell, as somebody reads it who knows no JSON. `type` is the column's. */
export function shown(value: Value, type: string): Markup {
  if (typeof value !== 'string') return nested(value, 1);
  if (type === 'boolean') return truth(value === 't');
  return type.startsWith('timestamp') ? timestamp(value) : text(value);
}

function nested(value: Value, depth: number): Markup {
  if (value === null) return said('none');
  if (typeof value === 'boolean') return truth(value);
  if (typeof value === 'string') return text(value);
  if (depth > DEEPEST) return said('more in the file');
  return isList(value) ? list(value, depth) : fields(value, depth);
}

function list(items: readonly Value[], depth: number): Markup {
  if (items.length === 0) return said('empty list');
  return markup`<ul>${items.map((item) => markup`<li>${nested(item, depth + 1)}</li>`)}</ul>`;
}

function fields(value: Readonly<Record<string, Value>>, depth: number): Markup {
  const pairs = Object.entries(value);
  if (pairs.length === 0) return said('none');
  return markup`<dl>${pairs.map(([name, item]) => markup`<dt>${name}</dt><dd>${nested(item, depth + 1)}</dd>`)}</dl>`;
}

const truth = (value: boolean): Markup => markup`${value ? 'yes' : 'no'}`;

/** As it was written, to the microsecond, but for the T and a zone that is UTC; `infinity` and years BC stay what they are. */
function timestamp(value: string): Markup {
  const [, day, time, zone = ''] = INSTANT.exec(value) ?? [];
  if (day === undefined || time === undefined) return text(value);
  return markup`<time>${day} ${time}${UTC.has(zone) ? ' UTC' : zone}</time>`;
}
const INSTANT = /^(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)([+-][\d:]+)?$/;
const UTC: ReadonlySet<string> = new Set(['+00', '+00:00']);

/** Not cut amid a character that takes two units. */
function text(value: string): Markup {
  if (value === '') return said('empty text');
  if (value.length <= LONGEST) return markup`${value}`;
  return markup`${value.slice(0, LONGEST).replace(/[\uD800-\uDBFF]$/, '')}${said(' … longer in the file')}`;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
