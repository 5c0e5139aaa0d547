import type postgres from 'postgres';
import { type Snapshot, type TableDifference, differenceOf } from '../snapshots.ts';
import type { Person } from './schema.ts';

/** What a receipt says about one table, without zeros. */
export interface Figures {
  readonly removed?: number;
  readonly retained?: number;
  readonly detached?: number;
  readonly anonymised?: number;
}

/** The figures of a receipt that is equal to the difference between two snapshots and to the kept rows. */
export async function expectedFigures(
  sql: postgres.Sql,
  person: Person,
  difference: Readonly<Record<string, TableDifference>>,
): Promise<Record<string, Figures>> {
  const figures: Record<string, Figures> = {};
  for (const table of new Set([...Object.keys(difference), ...Object.keys(person.kept)])) {
    const kept = Object.entries(person.kept[table] ?? {}) as [keyof Figures, string][];
    const counts: [keyof Figures, number][] = [['removed', difference[table]?.removed.length ?? 0]];
    for (const [name, condition] of kept) counts.push([name, await countRows(sql, table, condition)]);
    figures[table] = withoutZeros(Object.fromEntries(counts));
  }
  return withoutEmpty(figures);
}

/** The rows of the person as an export has them, per table that has any. */
export async function expectedRows(sql: postgres.Sql, person: Person): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {};
  for (const [table, condition] of Object.entries(person.own)) {
    const omitted = (person.omitted?.[table] ?? []).map((column) => ` - '${column}'`).join('');
    const found = await sql.unsafe<{ row: unknown }[]>(
      `SELECT to_jsonb(own)${omitted} AS row FROM ${table} AS own WHERE ${condition}`,
    );
    if (found.length > 0) rows[table] = found.map(({ row }) => canonical(row)).toSorted();
  }
  return rows;
}

/** The rows of a file with one JSON object per line. */
export const parsedRows = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => canonical(JSON.parse(line)))
    .toSorted();

/** JSON with the keys of each object in one order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

/** The difference without the random values. That they changed remains. */
export function knownDifference(
  before: Snapshot,
  after: Snapshot,
  random: Person['random'] = [],
): Record<string, TableDifference> {
  const difference = differenceOf(before, after);
  for (const { table, column } of random) {
    const found = difference[table];
    if (found === undefined) continue;
    const changed = found.changed.map((row) =>
      row.columns.includes(column) ? { ...row, after: { ...row.after, [column]: 'random' } } : row,
    );
    difference[table] = { ...found, changed };
  }
  return difference;
}

/** The marks of persons and addresses in a text. */
export const marksIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/canary-([a-z]\d+)-/gi)].map(([, mark = '']) => mark.toLowerCase())),
];

/** The marks that an export of the person may contain: its own, and those of the addresses that it points to. */
export function allowedMarks(person: Person, rows: Readonly<Record<string, readonly string[]>>): string[] {
  const addresses = Object.entries(rows).flatMap(([table, own]) => (table.endsWith('.addresses') ? own : []));
  return [...person.marks, ...addresses.map((row) => `a${(JSON.parse(row) as { address_id: number }).address_id}`)];
}

async function countRows(sql: postgres.Sql, table: string, condition: string): Promise<number> {
  const [row] = await sql.unsafe<{ rows: number }[]>(`SELECT count(*)::int AS rows FROM ${table} WHERE ${condition}`);
  return row?.rows ?? 0;
}

export const withoutZeros = (figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).filter(([, rows]) => rows !== 0));

export const withoutEmpty = (figures: Readonly<Record<string, Figures>>): Record<string, Figures> =>
  Object.fromEntries(Object.entries(figures).filter(([, each]) => Object.keys(each).length > 0));
