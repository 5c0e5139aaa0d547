import postgres from 'postgres';
import { afterEach, beforeEach } from 'vitest';
import type { InspectOptions } from '../../../../connectors/connector.ts';
import type { KindMap, TableMap } from '../../../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import { openPostgres, systemSql } from '../../../../connectors/postgres/index.ts';
import { createDatabase } from '../../../support/servers/postgres.ts';

interface EmptyDatabase {
  url: string;
  sql: postgres.Sql;
  /** The statements of all inspections. */
  statements: string[];
}

/** Gives each test of a file an empty database. */
export function withEmptyDatabase(): EmptyDatabase {
  const db: EmptyDatabase = { url: '', sql: postgres({ max: 1 }), statements: [] };
  beforeEach(async () => {
    const { url } = await createDatabase();
    Object.assign(db, { url, sql: postgres(url, { max: 1, onnotice: () => {} }), statements: [] });
  });
  afterEach(() => db.sql.end());
  return db;
}

/** Settings with one kind of subject. */
export const settingsFor = (
  table: string,
  key: KindMap['key'],
  tables: readonly TableMap[] = [],
  rest: Partial<PostgresSettings> = {},
): PostgresSettings => ({ url: { env: 'URL' }, kinds: { user: { table, key, tables } }, ...rest });

/** Creates a schema and returns the config errors that inspect() then finds, as `path: message`. */
export async function schemaErrors(
  db: EmptyDatabase,
  schema: string,
  settings: PostgresSettings,
  options: InspectOptions = { thorough: true },
): Promise<string[]> {
  await db.sql.unsafe(schema);
  await db.sql.unsafe(systemSql(settings, { system: 'app' }));
  const open = { system: 'app', secret: () => db.url };
  const connector = openPostgres(settings, open, { observe: (text) => db.statements.push(text) });
  return (await connector.inspect(options)).map(({ path, message }) => `${path}: ${message}`);
}
