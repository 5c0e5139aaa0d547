import type { Value } from './first-rows.ts';
import { type Markup, markup } from './markup.ts';

const MAX_LENGTH = 2_000;
const MAX_DEPTH = 4;

const renderNote = (words: string): Markup => markup`<i class="none">${words}</i>`;

/** Renders a cell for readers who do not know JSON. `type` is the type of the column. */
export function renderValue(value: Value, type: string): Markup {
  if (typeof value !== 'string') return renderNested(value, 1);
  if (type === 'boolean') return renderBoolean(value === 't');
  return type.startsWith('timestamp') ? renderTimestamp(value) : renderText(value);
}

function renderNested(value: Value, depth: number): Markup {
  if (value === null) return renderNote('no value');
  if (typeof value === 'boolean') return renderBoolean(value);
  if (typeof value === 'string') return renderText(value);
  if (depth > MAX_DEPTH) return renderNote('more in the file');
  return isList(value) ? renderList(value, depth) : renderFields(value, depth);
}

function renderList(items: readonly Value[], depth: number): Markup {
  if (items.length === 0) return renderNote('empty list');
  return markup`<ul>${items.map((item) => markup`<li>${renderNested(item, depth + 1)}</li>`)}</ul>`;
}

function renderFields(value: Readonly<Record<string, Value>>, depth: number): Markup {
  const pairs = Object.entries(value);
  if (pairs.length === 0) return renderNote('no value');
  return markup`<dl>${pairs.map(([name, item]) => markup`<dt>${name}</dt><dd>${renderNested(item, depth + 1)}</dd>`)}</dl>`;
}

const renderBoolean = (value: boolean): Markup => markup`${value ? 'yes' : 'no'}`;

/** Keeps all digits; replaces only the `T` and a zero offset. `infinity` and years BC stay unchanged. */
function renderTimestamp(value: string): Markup {
  const [, day, time, zone = ''] = TIMESTAMP.exec(value) ?? [];
  if (day === undefined || time === undefined) return renderText(value);
  return markup`<time>${day} ${time}${UTC.has(zone) ? ' UTC' : zone}</time>`;
}
const TIMESTAMP = /^(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)([+-][\d:]+)?$/;
const UTC: ReadonlySet<string> = new Set(['+00', '+00:00']);

/** Shortens long text without splitting a surrogate pair. */
function renderText(value: string): Markup {
  if (value === '') return renderNote('empty text');
  if (value.length <= MAX_LENGTH) return markup`${value}`;
  return markup`${value.slice(0, MAX_LENGTH).replace(/[\uD800-\uDBFF]$/, '')}${renderNote(' … full text in the file')}`;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
