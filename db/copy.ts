import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Transaction } from './client.ts';

/** A value of one COPY column. */
export type Field = string | number | boolean | null | Buffer | readonly string[] | readonly Buffer[];

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};
const escape = (text: string): string =>
  text.replace(/[\\\n\r\t\b\f\v]/g, (character) => ESCAPES[character] ?? character);

function fieldText(field: Field): string {
  if (field === null) return '\\N';
  if (Buffer.isBuffer(field)) return `\\\\x${field.toString('hex')}`;
  if (typeof field === 'string') return escape(field);
  if (typeof field === 'object') return escape(`{${field.map(elementText).join(',')}}`);
  return String(field);
}
const elementText = (element: string | Buffer): string =>
  Buffer.isBuffer(element)
    ? `"\\\\x${element.toString('hex')}"`
    : `"${element.replace(/[\\"]/g, (character) => `\\${character}`)}"`;

/**
 * Inserts rows by COPY, without bind parameters, which a server log might store. `into` is `table (column, …)`, never
 * input.
 */
export async function copyInto(
  tx: Transaction,
  into: string,
  pages: AsyncIterable<readonly (readonly Field[])[]>,
): Promise<void> {
  const target = await tx.$client.unsafe(`COPY ${into} FROM STDIN`).writable();
  const lines = (async function* () {
    for await (const page of pages) yield page.map((row) => `${row.map(fieldText).join('\t')}\n`).join('');
  })();
  await pipeline(Readable.from(lines), target);
}
