import { expect } from 'vitest';
import postgres from 'postgres';
import type { Batch } from '../../../connectors/connector.ts';
import { openPostgres, systemSql } from '../../../connectors/postgres/index.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { SYSTEM } from '../fixture.ts';
import type { AnyDatabase } from './check.ts';
import type { State } from './data.ts';
import { type Choices, settingsOf } from './map.ts';
import { schemaSql } from './schema.ts';
import { tablesOf } from './tables.ts';

/** A database with the schema of one variant, which one case after another fills. */
export interface Database extends AnyDatabase {
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

export async function openDatabase(isComposite: boolean, choices: Choices): Promise<Database> {
  const { url } = await createDatabase();
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(schemaSql(isComposite));
  await sql.unsafe(systemSql(settingsOf(choices), { system: SYSTEM }));
  const tables = tablesOf(isComposite);
  const pairs = Object.keys(tables).map(
    (name) => `'${name}', (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM app.${name} AS t)`,
  );
  return {
    sql,
    // Foreign keys are not checked in the order of the rows: rows of two tables can refer to each other.
    fill: async (state) => {
      const rows = Object.entries(state).map(
        ([name, each]) =>
          `INSERT INTO app.${name} SELECT * FROM jsonb_populate_recordset(NULL::app.${name}, $rows$${JSON.stringify(each)}$rows$)`,
      );
      const emptied = Object.keys(tables).map((name) => `DELETE FROM app.${name}`);
      await sql.unsafe(
        [
          'BEGIN',
          'SET LOCAL session_replication_role = replica',
          ...emptied,
          ...rows,
          'REFRESH MATERIALIZED VIEW app.post_counts',
          'COMMIT',
        ].join(';\n'),
      );
    },
    read: async () => {
      const [found] = await sql.unsafe<{ state: State }[]>(`SELECT jsonb_build_object(${pairs.join(', ')}) AS state`);
      if (found === undefined) throw new Error('the database answers with one row');
      return found.state;
    },
    connector: (each, tuning = {}) =>
      openPostgres(settingsOf(each), { system: SYSTEM, secret: () => url }, { backoffMs: 1, retries: 1, ...tuning }),
    startParts: (batch) => startParts(sql, batch),
    checkCopies: (each) => checkView(sql, each),
    close: () => sql.end(),
  };
}

/** Makes the next deletion of a batch delete every subject in parts, as if it had been too large for one statement. */
export async function startParts(sql: postgres.Sql, batch: Batch): Promise<void> {
  const counts = { tables: {}, last: [], standing: [], retained: [], anonymised: [] };
  for (let seq = batch.firstSeq; seq <= batch.lastSeq; seq += 1)
    await sql`INSERT INTO lethe_system.ranges (system, request_id, batch, pass, first_seq, last_seq, part, counts)
      VALUES (${SYSTEM}, ${batch.requestId}, ${batch.batch}, 1, ${seq}, ${seq}, -1, ${sql.json(counts)})`;
}

/** The materialized view has no copy of a deleted row after the request. */
async function checkView(sql: postgres.Sql, { isComposite }: Choices): Promise<void> {
  const columns = isComposite ? 'tenant_id, author_id' : 'author_id';
  const [view] = await sql.unsafe<{ differs: boolean }[]>(
    `SELECT EXISTS (SELECT FROM (SELECT ${columns}, count(*)::int AS posts FROM app.posts GROUP BY ${columns}
       EXCEPT SELECT ${columns}, posts FROM app.post_counts) AS missing)
       OR EXISTS (SELECT FROM (SELECT ${columns}, posts FROM app.post_counts
       EXCEPT SELECT ${columns}, count(*)::int FROM app.posts GROUP BY ${columns}) AS stale) AS differs`,
  );
  expect(view?.differs, 'the materialized view differs from its table').toBe(false);
}
