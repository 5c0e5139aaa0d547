import postgres from 'postgres';
import type { Batch, Connector } from '../../../connectors/connector.ts';
import { openPostgres, systemSql } from '../../../connectors/postgres/index.ts';
import type { Tuning } from '../../../connectors/postgres/tuning.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { SYSTEM, batchOf } from '../fixture.ts';
import { GHOST, type Row, type State, type UserKey } from './data.ts';
import { type Choices, KEY, settingsOf } from './map.ts';
import { schemaSql } from './schema.ts';
import { type Json, tablesOf, emailOf } from './tables.ts';

/** A database with the schema of one variant, which one case after another fills. */
export interface Database {
  readonly sql: postgres.Sql;
  fill(state: State): Promise<void>;
  read(): Promise<State>;
  connector(choices: Choices, tuning?: Partial<Tuning>): Required<Connector>;
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
    close: () => sql.end(),
  };
}

/** A batch with all identities of each subject. A ghost has only its key, because no directory resolves one. */
export function batchOfUsers(keys: readonly UserKey[], { isComposite }: Choices, name = 'b1'): Batch {
  const subjects = keys.map((key) => {
    const id = key.at(-1) ?? GHOST;
    const email = emailOf(isComposite ? (key[0] ?? 1) : 1, id)?.toLowerCase() ?? '';
    return [
      { type: isComposite ? KEY.composite : KEY.simple, value: key.map(String) },
      ...(id === GHOST ? [] : [{ type: 'email', value: [email] }]),
    ];
  });
  return batchOf(subjects, { batch: name });
}

/** Makes the next deletion of a batch delete every subject in parts, as if it had been too large for one statement. */
export async function startParts(sql: postgres.Sql, batch: Batch): Promise<void> {
  const counts = { tables: {}, last: [], standing: [], retained: [], anonymised: [] };
  for (let seq = batch.firstSeq; seq <= batch.lastSeq; seq += 1)
    await sql`INSERT INTO lethe_system.ranges (system, request_id, batch, pass, first_seq, last_seq, part, counts)
      VALUES (${SYSTEM}, ${batch.requestId}, ${batch.batch}, 1, ${seq}, ${seq}, -1, ${sql.json(counts)})`;
}

/** Rows as sorted texts with sorted keys, so that two states compare as multisets. */
export const canonical = (state: State): Record<string, string[]> =>
  Object.fromEntries(Object.entries(state).map(([name, rows]) => [name, rows.map(canonicalRow).toSorted()]));

export const canonicalRow = (row: Row): string => JSON.stringify(sortKeys(row));

function sortKeys(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => sortKeys(each));
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sortKeys(each)]));
}
