/** `1,204 subjects`, `1 subject`. */
export const countOf = (count: number, noun: string): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? noun : `${noun}s`}`;

/** `2026-12-14 02:00 UTC`; with seconds unless they are zero. */
export function utcText(timestamp: number): string {
  const text = new Date(timestamp).toISOString();
  return `${text.slice(0, 10)} ${text.slice(17, 19) === '00' ? text.slice(11, 16) : text.slice(11, 19)} UTC`;
}
