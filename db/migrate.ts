import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { connect, type Database, type Queries } from './client.ts';
import { transaction } from './transaction.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
/** The advisory lock of migrations: 'leth' in ASCII. */
const MIGRATION_LOCK = 0x6c657468;

export interface Migration {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

export async function migrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(`${name}/migration.sql`, FOLDER), 'utf8');
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** Applies the missing migrations, each in its own transaction, one process at a time. Returns their names. */
export async function migrate(url: string): Promise<readonly string[]> {
  const database = connect(url, { connections: 1 });
  try {
    await database.execute(sql`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
    await keepParametersOutOfTheLog(database);
    const missing = await missingMigrations(database);
    for (const migration of missing) {
      await transaction(database, async (tx) => {
        // On the driver: drizzle sends one statement at a time, a migration has many.
        await tx.$client.unsafe(migration.text);
        // The first migration creates the schema that this table is in.
        await tx.execute(sql`CREATE TABLE IF NOT EXISTS lethe.migrations (
          name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
        await tx.execute(
          sql`INSERT INTO lethe.migrations (name, sha256) VALUES (${migration.name}, ${migration.sha256})`,
        );
      });
    }
    return missing.map((migration) => migration.name);
  } finally {
    await database.$client.end();
  }
}

/** Throws unless the schema is exactly as new as this code. API and worker check it at start. */
export async function requireMigrated(database: Database): Promise<void> {
  const missing = await missingMigrations(database);
  if (missing.length > 0) {
    throw new Error(
      `the database lacks ${missing.map((migration) => migration.name).join(', ')}: run \`npm run migrate\` first`,
    );
  }
}

async function missingMigrations(database: Queries): Promise<readonly Migration[]> {
  const [{ present } = { present: false }] = await database.execute<{ present: boolean }>(
    sql`SELECT to_regclass('lethe.migrations') IS NOT NULL AS present`,
  );
  const rows = present
    ? await database.execute<{ name: string; sha256: string }>(sql`SELECT name, sha256 FROM lethe.migrations`)
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

/** Submitted identities are parameters of the ledger's statements, and a server may log parameters of slow statements. */
async function keepParametersOutOfTheLog(database: Database): Promise<void> {
  const [{ may } = { may: false }] = await database.execute<{ may: boolean }>(sql`
    SELECT has_parameter_privilege('log_parameter_max_length', 'SET')
       AND pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') AS may`);
  if (may)
    await database.execute(
      sql`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length = 0', current_database()); END $$`,
    );
}

/**
 * The statement that an administrator has to run if this role may not. Null if the log keeps no parameters. Needs a
 * session of its own: a setting of the database applies to new sessions only.
 */
export async function parametersInLog(url: string): Promise<string | null> {
  const database = connect(url, { connections: 1 });
  try {
    const [row] = await database.execute<{ advice: string | null }>(sql`
      SELECT string_agg(format('ALTER DATABASE %I SET %I = 0;', current_database(), name), ' ' ORDER BY name) AS advice
      FROM unnest(ARRAY['log_parameter_max_length', 'log_parameter_max_length_on_error']) name
      WHERE current_setting(name) <> '0'`);
    return row?.advice ?? null;
  } finally {
    await database.$client.end();
  }
}
