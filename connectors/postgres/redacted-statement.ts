import type { Session } from './session.ts';

/** Runs a statement that yields one JSON value; a constraint that forbids it is told without the values it names. */
export async function quietly<Result>(
  session: Session,
  sql: string,
  values: readonly (string | number)[],
): Promise<Result | undefined> {
  const [row] = await session.rows<{ result: Result }>('SELECT lethe_processor.quietly($1, $2) AS result', [
    sql,
    values,
  ]);
  return row?.result;
}

/** Deletes or empties, and counts. */
export const changeRows = async (
  session: Session,
  sql: string,
  values: readonly (string | number)[],
): Promise<number> =>
  (await quietly<number>(session, `WITH gone AS (${sql} RETURNING 1) SELECT to_jsonb(count(*)) FROM gone`, values)) ??
  0;
