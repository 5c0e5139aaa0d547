import postgres from 'postgres';
import type { ConfigError, Connector, Count } from '../../../connectors/connector.ts';
import {
  postgres as postgresSystem,
  type PostgresSettings,
  openPostgres,
  systemSql,
} from '../../../connectors/postgres/index.ts';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import type { Tuning } from '../../../connectors/postgres/tuning.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { type ExportedText, SYSTEM, batchOf, deletion, exportAll, requestId, testContext } from '../fixture.ts';

/** A database with one schema, and what Lethe does with it by a data map. */
export interface Pattern {
  readonly sql: postgres.Sql;
  /** The config errors of a map, as `path: message`. */
  check(user: KindMap, settings?: Partial<PostgresSettings>): Promise<string[]>;
  errors(user: KindMap, settings?: Partial<PostgresSettings>): Promise<readonly ConfigError[]>;
  connector(
    user: KindMap,
    settings?: Partial<PostgresSettings>,
    tuning?: Partial<Tuning>,
  ): Promise<Required<Connector>>;
  /** Deletes the subjects with these keys, and verifies. */
  remove(user: KindMap, keys: readonly Key[], settings?: Partial<PostgresSettings>): Promise<Removal>;
  export(user: KindMap, keys: readonly Key[]): Promise<Map<string, ExportedText>>;
  count(user: KindMap, keys: readonly Key[]): Promise<Count>;
  /** The rows of a query as JSON arrays. */
  rows(query: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

/** The value, or values, of a subject's key. */
export type Key = string | number | readonly (string | number)[];

/** The figures of a deletion per table, without zeros, and the survivors of the verification. */
export interface Removal {
  readonly figures: Record<string, Record<string, unknown>>;
  readonly survivors: number;
}

export async function pattern(schema: string): Promise<Pattern> {
  const { url } = await createDatabase();
  const sql = postgres(url, { max: 2, onnotice: () => {} });
  await sql.unsafe(schema);

  const settingsOf = (user: KindMap, settings: Partial<PostgresSettings> = {}): PostgresSettings => ({
    url: { env: 'APP_DATABASE_URL' },
    pace: { share: 1, subjectsPerCommit: 1 },
    kinds: { user },
    ...settings,
  });
  async function connector(
    user: KindMap,
    settings?: Partial<PostgresSettings>,
    tuning?: Partial<Tuning>,
  ): Promise<Required<Connector>> {
    const all = settingsOf(user, settings);
    const invalid = postgresSystem(all).validate();
    if (invalid.length > 0) throw new Error(invalid.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    await sql.unsafe(systemSql(all, { system: SYSTEM }));
    return openPostgres(all, { system: SYSTEM, secret: () => url }, { backoffMs: 1, retries: 1, ...tuning });
  }
  async function errors(user: KindMap, settings?: Partial<PostgresSettings>): Promise<readonly ConfigError[]> {
    const all = settingsOf(user, settings);
    await sql.unsafe(systemSql(all, { system: SYSTEM }));
    return openPostgres(all, { system: SYSTEM, secret: () => url }).inspect();
  }
  const batch = (user: KindMap, keys: readonly Key[], name = 'b1') =>
    batchOf(
      keys.map((key) => [{ type: keyTypeOf(user), value: [key].flat().map(String) }]),
      { requestId: requestId(), batch: name },
    );

  return {
    sql,
    errors,
    connector,
    check: async (user, settings) => (await errors(user, settings)).map(({ path, message }) => `${path}: ${message}`),
    remove: async (user, keys, settings) => {
      const system = await connector(user, settings);
      const selected = batch(user, keys);
      const done = deletion();
      await system.hardDelete(selected, done, testContext());
      const verified = await system.verify(selected, 'data', testContext());
      return { figures: figuresOf(done.ranges), survivors: 'survivors' in verified ? verified.survivors : Number.NaN };
    },
    export: async (user, keys) => exportAll(await connector(user), batch(user, keys, 'e1')),
    count: async (user, keys) => (await connector(user)).count(batch(user, keys), 'data', testContext()),
    rows: async (query) => [...(await sql.unsafe(query).values())],
    close: () => sql.end(),
  };
}

const keyTypeOf = ({ key }: KindMap): string =>
  typeof key === 'string' ? key : 'columns' in key ? key.name : key.column;

/** Adds up the figures per table and leaves out zeros. */
function figuresOf(ranges: ReturnType<typeof deletion>['ranges']): Removal['figures'] {
  const sums: Record<string, Record<string, unknown>> = {};
  for (const { table, removed, retained, detached = 0, anonymised } of ranges.flatMap(({ tables }) => tables)) {
    const sum = (sums[table] ??= {});
    const kept = retained.reduce((rows, each) => rows + each.rows, 0);
    for (const [name, rows] of Object.entries({
      removed: removed ?? 0,
      retained: kept,
      detached,
      anonymised: anonymised?.rows ?? 0,
    }))
      if (rows > 0) sum[name] = Number(sum[name] ?? 0) + rows;
    if (anonymised !== undefined && anonymised.rows > 0) sum['columns'] = anonymised.columns;
  }
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => Object.keys(sum).length > 0));
}
