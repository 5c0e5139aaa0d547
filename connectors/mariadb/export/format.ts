import { escapeFormula } from '../../../domain/text/formulas.ts';
import type { Family } from '../catalog/types.ts';

/** The text of a cell, or its bytes. */
export type Cell = string | Buffer | null;

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A number keeps all its digits. A document is written as it is, on one line. */
export function jsonCell(cell: Cell, family: Family): string {
  if (cell === null) return 'null';
  if (Buffer.isBuffer(cell)) return JSON.stringify(hexText(cell));
  switch (family) {
    case 'integer':
    case 'number':
    case 'boolean':
      return NUMBER.test(cell) ? cell : JSON.stringify(cell);
    case 'json':
      return isDocument(cell) ? cell.replaceAll(/[\n\r]/g, ' ') : JSON.stringify(cell);
    default:
      return JSON.stringify(cell);
  }
}

/** As SQL writes bytes, so that they can be loaded again. */
const hexText = (bytes: Buffer): string => `0x${bytes.toString('hex')}`;

function isDocument(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Types whose text cannot be a formula. An apostrophe would damage values such as -5. */
const FORMULA_SAFE: readonly Family[] = ['integer', 'number', 'boolean', 'timestamp', 'uuid', 'bytes'];

/** NULL becomes an empty cell, an empty text becomes `""`. */
export function csvCell(cell: Cell, family: Family): string {
  if (cell === null) return '';
  if (Buffer.isBuffer(cell)) return hexText(cell);
  return quoted(FORMULA_SAFE.includes(family) ? cell : escapeFormula(cell));
}

export const csvHeader = (names: readonly string[]): string =>
  `${names.map((name) => quoted(escapeFormula(name))).join(',')}\n`;

const quoted = (text: string): string =>
  text === '' || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
