import type { Column, Table } from '../catalog/snapshot.ts';
import { isAddress } from '../entries/by-address.ts';
import { isPersonal } from '../names/column-kinds.ts';
import { textQuestionId } from '../sample/column-statements.ts';
import { type Samples, answerOf } from '../sample/sample.ts';

/** The share of values that look like a phone number from which a column holds them. */
const NEEDED = 0.8;

/** Columns with data of a person, by name and type, or because their sampled values look like it. */
export function personalColumns(table: Table, samples: Samples): readonly Column[] {
  return table.columns.filter((column) => {
    const phones = answerOf(samples, textQuestionId(table.name), `phone ${column.name}`);
    const looksLikePhones = phones !== undefined && phones.sampled >= 3 && phones.matched / phones.sampled >= NEEDED;
    const isText = column.family === 'text' && !column.isArray;
    return isPersonal(column) || (isText && (looksLikePhones || isAddress(table.name, column, samples)));
  });
}
