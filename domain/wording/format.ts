import type { BlockedBy } from '../request-state.ts';

/** `1,204 subjects`, `1 subject`. */
export const countOf = (count: number, noun: string): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? noun : `${noun}s`}`;

/** `2026-12-14 02:00 UTC`; with seconds unless they are zero. */
export function utcText(timestamp: number): string {
  const text = new Date(timestamp).toISOString();
  return `${text.slice(0, 10)} ${text.slice(17, 19) === '00' ? text.slice(11, 16) : text.slice(11, 19)} UTC`;
}

/** `1 subject (position 2) is blocked by app.parcels, constraint parcels_order.` */
export function describeObstacle({ table, constraint, subjects, positions }: BlockedBy): string {
  const listed = [...positions, ...(positions.length < subjects ? ['…'] : [])].join(', ');
  const places = positions.length === 0 ? '' : ` (${positions.length === 1 ? 'position' : 'positions'} ${listed})`;
  const verb = subjects === 1 ? 'is' : 'are';
  const by = table === null ? 'an error that the system does not name, such as one of a trigger' : table;
  return `${countOf(subjects, 'subject')}${places} ${verb} blocked by ${by}${constraint === null ? '' : `, constraint ${constraint}`}.`;
}
