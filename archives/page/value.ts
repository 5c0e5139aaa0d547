import type { Value } from '../first-rows.ts';
import { type Html, html } from './html.ts';

const LONGEST = 2_000;
const DEEPEST = 4;

const NONE = html`<i class="none">none</i>`;
const EMPTY = html`<i class="none">empty text</i>`;
const DEEPER = html`<i class="none">more in the file</i>`;
const CLIPPED = html` <i class="none">… longer in the file</i>`;

/** What stands in a cell, as somebody reads it who knows no JSON. `type` is the column's. */
export function shown(value: Value, type: string): Html {
  if (type === 'boolean' && typeof value === 'string') return truth(value === 't');
  return nested(value, 1);
}

function nested(value: Value, depth: number): Html {
  if (value === null) return NONE;
  if (typeof value === 'boolean') return truth(value);
  if (typeof value === 'string') return text(value);
  if (depth > DEEPEST) return DEEPER;
  if (isList(value)) {
    if (value.length === 0) return html`<i class="none">empty list</i>`;
    return html`<ul>
      ${value.map((item) => html`<li>${nested(item, depth + 1)}</li>`)}
    </ul>`;
  }
  const pairs = Object.entries(value);
  if (pairs.length === 0) return NONE;
  return html`<dl>
    ${pairs.map(
      ([name, item]) =>
        html`<dt>${name}</dt>
          <dd>${nested(item, depth + 1)}</dd>`,
    )}
  </dl>`;
}

const truth = (value: boolean): Html => html`${value ? 'yes' : 'no'}`;

/** Not cut amid a character that takes two units. */
function text(value: string): Html {
  if (value === '') return EMPTY;
  if (value.length <= LONGEST) return html`${value}`;
  return html`${value.slice(0, LONGEST).replace(/[\uD800-\uDBFF]$/, '')}${CLIPPED}`;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
