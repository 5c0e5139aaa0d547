import { CANARY, TABLES, type TableMap, repeat } from './people.ts';
import type { Fate, Person } from './scenarios.ts';
import type { Stack } from './stack.ts';

/** Compares the rows of the systems before and after, by SQL that shares nothing with Lethe's. */

interface Row {
  readonly map: TableMap;
  readonly id: string;
  /** The person whose row it is. Null for rows without an owner. */
  readonly owner: number | null;
  /** The person that the row only refers to. */
  readonly refers: number | null;
  /** Checksums of the columns that hiding leaves alone, and of those that clearing leaves alone too. */
  readonly whole: string;
  readonly core: string;
  readonly isHidden: boolean;
  readonly isCleared: boolean;
}
export type Rows = ReadonlyMap<string, Row>;

const PERSON = String.raw`'${CANARY}-p(\d+)-'`;

/** Reads all rows, or those of the people with these numbers. */
export async function readRows({ sql }: Pick<Stack, 'sql'>, people?: readonly [number, number]): Promise<Rows> {
  const rows = new Map<string, Row>();
  for (const map of TABLES) {
    const { system, table, id, core, whole, hidden = 'false', cleared = 'false', refers = 'NULL::text' } = map;
    const owner = `substring(t::text FROM ${PERSON})::int`;
    const referred = `substring(${refers} FROM ${PERSON})::int`;
    const range = people === undefined ? null : `BETWEEN ${people[0]} AND ${people[1]}`;
    const found = await repeat(() =>
      sql[system].unsafe<Omit<Row, 'map'>[]>(`
      SELECT (${id})::text AS id, ${owner} AS owner, ${referred} AS refers,
             md5(${whole === undefined ? 't' : `ROW(${whole})`}::text) AS whole, md5(ROW(${core})::text) AS core,
             (${hidden}) AS "isHidden", (${cleared}) AS "isCleared"
      FROM ${table} AS t ${range === null ? '' : `WHERE ${owner} ${range} OR ${referred} ${range}`}`),
    );
    for (const row of found) rows.set(`${table} ${row.id}`, { ...row, map });
  }
  return rows;
}

/** Rows of one person in one table that became something. */
export interface Figures {
  removed: number;
  retained: number;
  blanked: number;
  detached: number;
}
export const FIGURES = ['removed', 'retained', 'blanked', 'detached'] as const;

export interface RowComparison {
  /** Rows that had to go and are left, by person. */
  readonly left: readonly number[];
  /** Changed or missing rows of people who were cancelled, held or only partly cleared, by person. */
  readonly touched: readonly number[];
  /** The number of changed, missing or new rows of people who are in no request. */
  readonly bystanderRows: number;
  /** What really happened, by person and `system table`. */
  readonly happened: ReadonlyMap<number, ReadonlyMap<string, Figures>>;
}

export function compareRows(before: Rows, after: Rows, people: ReadonlyMap<number, Person>): RowComparison {
  const left = new Set<number>();
  const touched = new Set<number>();
  const happened = new Map<number, Map<string, Figures>>();
  let bystanderRows = [...after.keys()].filter((key) => !before.has(key)).length;
  const count = (n: number, { system, table }: TableMap, figure: keyof Figures): void => {
    const tables = happened.get(n) ?? new Map<string, Figures>();
    happened.set(n, tables);
    const figures = tables.get(`${system} ${table}`) ?? { removed: 0, retained: 0, blanked: 0, detached: 0 };
    tables.set(`${system} ${table}`, figures);
    figures[figure] += 1;
  };

  for (const [key, was] of before) {
    const { map, owner, refers } = was;
    const is = after.get(key);
    const person = owner === null ? undefined : people.get(owner);
    const fate: Fate = person?.fate ?? 'kept';
    const isNamed = person !== undefined && person.scenario !== null;
    const blame = (): void => {
      if (isNamed) touched.add(person.n);
      else bystanderRows += 1;
    };

    if (fate === 'deleted' && owner !== null) {
      if (map.clearedBy !== 'retain' && is !== undefined) left.add(owner);
      else if (map.clearedBy !== 'retain') count(owner, map, 'removed');
      else if (is === undefined || is.core !== was.core) blame();
      else if (is.isCleared) count(owner, map, 'retained');
      else left.add(owner);
      continue;
    }
    const isDetached = refers !== null && people.get(refers)?.fate === 'deleted';
    if (is === undefined) blame();
    else if (fate !== 'held' && is.isHidden !== was.isHidden) blame();
    else if (isDetached) {
      if (is.core !== was.core) blame();
      else if (is.refers === null) count(refers, map, 'detached');
      else left.add(refers);
    } else if (owner !== null && map.clearedBy === fate) {
      if (is.core !== was.core) blame();
      else if (!is.isCleared) left.add(owner);
      else {
        count(owner, map, 'blanked');
        if (fate === 'categories' && map.keptByCategories === true) count(owner, map, 'retained');
      }
    } else if (is.whole !== was.whole) blame();
  }
  return { left: [...left], touched: [...touched], bystanderRows, happened };
}

/** The number of rows of these people, by `system table`. */
export function countRows(rows: Rows, people: readonly number[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { map, owner } of rows.values()) {
    if (owner === null || !people.includes(owner)) continue;
    const name = `${map.system} ${map.table}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
