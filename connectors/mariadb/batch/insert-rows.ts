import { codeOf } from '../failure.ts';
import type { Session } from '../session.ts';

export type InsertedRow = readonly (string | number)[];

/** The server or the client does not allow LOAD DATA LOCAL. */
const NOT_ALLOWED: readonly string[] = ['1148', '3948', '3950', '4166'];

/**
 * Inserts rows as data of LOAD DATA LOCAL, which no log of statements contains. A server that does not allow it receives
 * them as one parameter of a prepared statement, which the general query log contains.
 */
export async function insertRows(
  session: Session,
  table: string,
  columns: readonly string[],
  rows: readonly InsertedRow[],
): Promise<void> {
  if (rows.length === 0) return;
  try {
    await session.load(
      `LOAD DATA LOCAL INFILE 'identities' INTO TABLE ${table} CHARACTER SET utf8mb4
       FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' (${columns.join(', ')})`,
      rows.map((row) => lineOf(row, columns.length)).join(''),
    );
  } catch (error) {
    if (!NOT_ALLOWED.includes(codeOf(error))) throw error;
    const typed = columns.map(
      (name, index) => `${name} ${name === 'seq' ? 'INT' : 'VARCHAR(1024)'} PATH '$[${index}]'`,
    );
    await session.run(
      `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${columns.join(', ')}
       FROM JSON_TABLE(?, '$[*]' COLUMNS (${typed.join(', ')})) AS page`,
      [JSON.stringify(rows)],
    );
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' };

const escaped = (text: string): string =>
  text.replaceAll(/[\\\t\n\r\0]/g, (character) => ESCAPES[character] ?? character);

/** A shorter identity has NULL in the other columns. */
const lineOf = (row: InsertedRow, length: number): string =>
  `${Array.from({ length }, (_, index) => (row[index] === undefined ? '\\N' : escaped(String(row[index])))).join('\t')}\n`;
