import type postgres from 'postgres';

/** Every row of every table of a database, as canonical JSON: keys in one order, numbers with their digits. */
export type Snapshot = ReadonlyMap<string, TableSnapshot>;

export interface TableSnapshot {
  readonly key: readonly string[];
  readonly rows: readonly string[];
}

type Row = Readonly<Record<string, unknown>>;

/** Rows are removed, added, or changed. A changed row has the primary key of a row before. */
export interface TableDifference {
  readonly removed: readonly Row[];
  readonly added: readonly Row[];
  readonly changed: readonly { readonly before: Row; readonly after: Row; readonly columns: readonly string[] }[];
}

/** The rows of all tables except Lethe's own. A partitioned table has the rows of its partitions. */
export async function snapshotOf(sql: postgres.Sql | postgres.TransactionSql): Promise<Snapshot> {
  const tables = await sql<{ table: string; name: string; key: string[] }[]>`
    SELECT n.nspname || '.' || c.relname AS "table", c.oid::regclass::text AS name,
           ARRAY(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                 WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY 1) AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'lethe_system') AND n.nspname !~ '^pg_(toast|temp)' ORDER BY 1`;
  const snapshot = new Map<string, TableSnapshot>();
  for (const { table, name, key } of tables) {
    const rows = await sql.unsafe<{ row: string }[]>(`SELECT to_jsonb(t)::text AS row FROM ${name} AS t ORDER BY 1`);
    snapshot.set(table, { key, rows: rows.map(({ row }) => row) });
  }
  return snapshot;
}

/** The tables that differ. Two equal snapshots have an empty difference. */
export function differenceOf(before: Snapshot, after: Snapshot): Record<string, TableDifference> {
  const difference: Record<string, TableDifference> = {};
  for (const table of new Set([...before.keys(), ...after.keys()])) {
    const gone = subtract(before.get(table)?.rows ?? [], after.get(table)?.rows ?? []);
    const arrived = subtract(after.get(table)?.rows ?? [], before.get(table)?.rows ?? []);
    if (gone.length + arrived.length > 0)
      difference[table] = pairRows(gone, arrived, before.get(table)?.key ?? after.get(table)?.key ?? []);
  }
  return difference;
}

/** The rows that the first list has more often than the second. */
function subtract(rows: readonly string[], others: readonly string[]): Row[] {
  const counts = new Map<string, number>();
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) + 1);
  return rows.flatMap((row) => {
    const count = counts.get(row) ?? 0;
    counts.set(row, count - 1);
    return count > 0 ? [] : [JSON.parse(row) as Row];
  });
}

function pairRows(gone: readonly Row[], arrived: readonly Row[], key: readonly string[]): TableDifference {
  const keyOf = (row: Row): string => JSON.stringify(key.map((column) => row[column]));
  const byKey = new Map(key.length === 0 ? [] : arrived.map((row) => [keyOf(row), row]));
  const changed = gone.flatMap((before) => {
    const after = byKey.get(keyOf(before));
    return after === undefined ? [] : [{ before, after, columns: columnsThatDiffer(before, after) }];
  });
  const paired = new Set<Row>(changed.flatMap(({ before, after }) => [before, after]));
  return {
    removed: gone.filter((row) => !paired.has(row)),
    added: arrived.filter((row) => !paired.has(row)),
    changed,
  };
}

const columnsThatDiffer = (before: Row, after: Row): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((column) => JSON.stringify(before[column]) !== JSON.stringify(after[column]))
    .toSorted();

/** The snapshot that the statements would lead to. Nothing is committed. */
export async function snapshotAfter(sql: postgres.Sql, statements: readonly string[]): Promise<Snapshot> {
  const rollback = new Error('rolled back');
  let snapshot: Snapshot = new Map();
  await sql
    .begin(async (tx) => {
      for (const statement of statements) await tx.unsafe(statement);
      await tx`SET CONSTRAINTS ALL IMMEDIATE`;
      snapshot = await snapshotOf(tx);
      throw rollback;
    })
    .catch((error: unknown) => {
      if (error !== rollback) throw error;
    });
  return snapshot;
}
