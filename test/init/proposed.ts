import postgres from 'postgres';
import type { ConfigError } from '../../connectors/connector.ts';
import type { TableMap } from '../../connectors/data-map/data-map.ts';
import { type Proposal, openPostgres, proposeDataMap, systemSql } from '../../connectors/postgres/index.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { createDatabase } from '../support/servers/postgres.ts';

export interface Proposed extends Proposal {
  /** The entries of a table, without the columns that say when and how a row was collected. */
  entriesOf(table: string): readonly TableMap[];
  /** All comments in one text. */
  readonly comments: string;
  /** The statements that were sent to the database. */
  readonly sent: readonly string[];
  /** What `check` reports after the statements of the proposal, without missing indexes. */
  check(): Promise<readonly ConfigError[]>;
}

/** Creates a database with this schema and proposes a data map for a table of it. */
export async function proposeFor(schema: string, table: string, kind: SubjectKind = 'user'): Promise<Proposed> {
  const { url } = await createDatabase();
  await runSql(url, [schema]);
  const sent: string[] = [];
  const observe = (sql: string): void => void sent.push(sql);
  const proposal = await proposeDataMap({ url, variable: { env: 'APP_URL' }, table, kind, observe });
  const { settings, statements, notes } = proposal;
  return {
    ...proposal,
    entriesOf: (name) =>
      (settings.kinds[kind]?.tables ?? [])
        .filter((entry) => entry.table === name)
        .map(({ time: _time, sources: _sources, ...entry }) => entry as TableMap),
    comments: [...notes.lines.values()].flat().join('\n'),
    sent,
    check: async () => {
      await runSql(url, [systemSql(settings, { system: 'app' }), ...statements.map(({ sql }) => sql)]);
      const errors = await openPostgres(settings, { system: 'app', secret: () => url }, { smallTableRows: 0 }).inspect({
        thorough: true,
      });
      return errors.filter(({ sql }) => sql?.startsWith('CREATE INDEX') !== true);
    },
  };
}

async function runSql(url: string, statements: readonly string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
