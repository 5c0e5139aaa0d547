import type { ExportedTable } from '../../connector.ts';
import type { Exported } from './tables.ts';
import type { Session } from '../session.ts';
import { ident } from '../sql.ts';

/** Which columns hold something, and in how many rows: the server counts, and no value leaves it. */
export async function categories(session: Session, table: Exported): Promise<ExportedTable | undefined> {
  const { rowsOf, ...told } = table;
  const columns = told.columns.map(({ name }) => ident(name));
  const counts = columns.map((column) => `count(${column})`).join(', ');
  const [held] = await session.rows<{ rows: number; filled: number[] }>(
    `SELECT count(*)::float8 AS "rows", ARRAY[${counts}]::float8[] AS filled
     FROM (${rowsOf(columns.join(', '))}) AS exported`,
  );
  if (held === undefined || held.rows === 0) return undefined;
  const filled = told.columns.map((column, index) => ({ ...column, filled: held.filled[index] ?? 0 }));
  return {
    ...told,
    columns: filled.filter((column) => column.filled > 0),
    rows: nothing(),
    figures: () => ({ rows: held.rows, bytes: 0 }),
  };
}

async function* nothing(): AsyncGenerator<Buffer> {}
