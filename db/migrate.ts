import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { connect, type Database, type Queries } from './client.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
/** The advisory lock of migrations: 'leth' in ASCII. */
const MIGRATION_LOCK = 0x6c657468;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

export async function migrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(`${name}/migration.sql`, FOLDER), 'utf8');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** Applies what is missing, each in a transaction of its own, one process at a time. Returns the names applied. */
export async function migrate(url: string): Promise<readonly string[]> {
  const database = connect(url, { connections: 1 });
  try {
    await database`SELECT pg_advisory_lock(${MIGRATION_LOCK})`;
    await keepParametersOutOfTheLog(database);
    const missing = await missingMigrations(database);
    for (const migration of missing) {
      await database.begin(async (tx) => {
        await tx.unsafe(migration.sql);
        // The first migration creates the schema that this table is in.
        await tx`CREATE TABLE IF NOT EXISTS lethe.migrations (
          name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`;
        await tx`INSERT INTO lethe.migrations (name, sha256) VALUES (${migration.name}, ${migration.sha256})`;
      });
    }
    return missing.map((migration) => migration.name);
  } finally {
    await database.end();
  }
}

/** Throws unless the schema is exactly as new as this code; api and worker ask before they serve. */
export async function requireMigrated(database: Database): Promise<void> {
  const missing = await missingMigrations(database);
  if (missing.length > 0) {
    throw new Error(
      `the database lacks ${missing.map((migration) => migration.name).join(', ')}: run \`npm run migrate\` first`,
    );
  }
}

async function missingMigrations(database: Queries): Promise<readonly Migration[]> {
  const [{ present } = { present: false }] = await database<{ present: boolean }[]>`
    SELECT to_regclass('lethe.migrations') IS NOT NULL AS present`;
  const rows = present
    ? await database<{ name: string; sha256: string }[]>`SELECT name, sha256 FROM lethe.migrations`
    : [];
  const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]));
  const known = await migrations();
  const changed = known.find(({ name, sha256 }) => applied.has(name) && applied.get(name) !== sha256);
  if (changed !== undefined) throw new Error(`migration ${changed.name} was changed after it was applied`);
  const newer = rows.filter(({ name }) => !known.some((migration) => migration.name === name));
  if (newer.length > 0)
    throw new Error(`the database is newer than this code: it has ${newer.map(({ name }) => name).join(', ')}`);
  return known.filter(({ name }) => !applied.has(name));
}

/** Submitted identities are parameters of the ledger's statements, and a server may log slow ones with parameters. */
async function keepParametersOutOfTheLog(database: Database): Promise<void> {
  const [{ may } = { may: false }] = await database<{ may: boolean }[]>`
    SELECT has_parameter_privilege('log_parameter_max_length', 'SET')
       AND pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') AS may`;
  if (may)
    await database.unsafe(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length = 0', current_database()); END $$`,
    );
}

/**
 * What an administrator has to run where this role may not; null where the log keeps no parameters. Asked in a session
 * of its own: what was set a moment ago is not yet so in the one that set it.
 */
export async function parametersInLog(url: string): Promise<string | null> {
  const database = connect(url, { connections: 1 });
  try {
    const [asked] = await database<{ advice: string | null }[]>`
      SELECT string_agg(format('ALTER DATABASE %I SET %I = 0;', current_database(), name), ' ' ORDER BY name) AS advice
      FROM unnest(ARRAY['log_parameter_max_length', 'log_parameter_max_length_on_error']) name
      WHERE current_setting(name) <> '0'`;
    return asked?.advice ?? null;
  } finally {
    await database.end();
  }
}
