import fc from 'fast-check';
import { type Json, type Pick, type Table, tablesOf, emailOf } from './tables.ts';

export type Row = Readonly<Record<string, Json>>;
export type State = Readonly<Record<string, readonly Row[]>>;

/** The key of a subject: the tenant, if the schema has tenants, and the number of the user. */
export type UserKey = readonly number[];

const MAX_USERS = 7;
const TENANTS = 2;
export const GHOST = 0;

/** The seeds of each row of each table. Every seed decides one value, so that a counterexample shrinks. */
export type Seeds = Readonly<Record<string, readonly (readonly number[])[]>>;

/** `rows` limits the rows of each table. */
export const seedsOf = (isComposite: boolean, rows: fc.ArrayConstraints): fc.Arbitrary<Seeds> =>
  fc.record(
    Object.fromEntries(
      Object.entries(tablesOf(isComposite)).map(([name, { references, columns }]) => {
        const length = 1 + Object.keys(references).length + Object.keys(columns).length;
        const row = fc.array(fc.nat({ max: 60 }), { minLength: length, maxLength: length });
        return [name, fc.array(row, name === 'users' ? { minLength: 2, maxLength: MAX_USERS } : rows)];
      }),
    ),
  );

interface Numbered {
  readonly tenant: number;
  readonly id: number;
  readonly seeds: readonly number[];
}

/** Builds rows whose references exist. Ids begin with 1 in each tenant, so that only the whole key identifies a row. */
export function buildRows(seeds: Seeds, isComposite: boolean): State {
  const tables = tablesOf(isComposite);
  const numbered: Record<string, Numbered[]> = {};
  for (const name of Object.keys(tables)) {
    const last = new Map<number, number>();
    const found = (seeds[name] ?? []).map((row): Numbered => {
      const tenant = isComposite ? 1 + ((row[0] ?? 0) % TENANTS) : 1;
      const id = (last.get(tenant) ?? 0) + 1;
      last.set(tenant, id);
      return { tenant, id, seeds: row };
    });
    numbered[name] = name === 'users' ? [...ghosts(isComposite), ...found] : found;
  }
  dropOrphans(numbered, tables);
  return Object.fromEntries(
    Object.entries(tables).map(([name, table]) => [
      name,
      (numbered[name] ?? []).map((row) => buildRow(name, table, row, numbered, isComposite)),
    ]),
  );
}

const ghosts = (isComposite: boolean): Numbered[] =>
  Array.from({ length: isComposite ? TENANTS : 1 }, (_, index) => ({ tenant: index + 1, id: GHOST, seeds: [] }));

/** Drops rows with a required reference to a table that has no row in their tenant, until every other row has one. */
function dropOrphans(numbered: Record<string, Numbered[]>, tables: Readonly<Record<string, Table>>): void {
  for (let dropped = true; dropped;) {
    dropped = false;
    for (const [name, { references }] of Object.entries(tables)) {
      const required = Object.values(references).filter(({ isRequired }) => isRequired === true);
      const rows = numbered[name] ?? [];
      const kept = rows.filter(({ tenant }) =>
        required.every(({ to }) => numbered[to]?.some((parent) => parent.tenant === tenant) === true),
      );
      if (kept.length < rows.length) dropped = true;
      numbered[name] = kept;
    }
  }
}

function buildRow(
  name: string,
  { id, references, columns }: Table,
  row: Numbered,
  numbered: Readonly<Record<string, Numbered[]>>,
  isComposite: boolean,
): Row {
  const own = { ...(isComposite && { tenant_id: row.tenant }), [id]: row.id };
  const pickId = (table: string, seed: number): number | null => {
    const candidates = (numbered[table] ?? []).filter(({ tenant }) => tenant === row.tenant);
    return candidates[seed % candidates.length]?.id ?? null;
  };
  // One of the users of a document or an array does not exist.
  const pick: Pick = (table, seed) => (seed % 11 === 10 ? 90 : pickId(table, seed));
  const seedOf = (index: number): number => row.seeds[index + 1] ?? 0;
  const referenced = Object.entries(references).map(([column, { to, isRequired }], index): [string, Json] => {
    const seed = seedOf(index);
    const isNull = isRequired !== true && (row.seeds.length === 0 || seed % 3 === 0);
    return [column, isNull ? null : pickId(to, Math.floor(seed / (isRequired === true ? 1 : 3)))];
  });
  const offset = Object.keys(references).length;
  const values = Object.entries(columns).map(([column, { value }], index): [string, Json] => [
    column,
    name === 'users' && column === 'email'
      ? emailOf(row.tenant, row.id)
      : value(seedOf(offset + index), pick, row.tenant),
  ]);
  return { ...own, ...Object.fromEntries([...referenced, ...values]) };
}
