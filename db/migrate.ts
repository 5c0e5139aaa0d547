import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { connect, type Database, type Queries } from './client.ts';
import { transaction } from './transaction.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
/** The id of the advisory lock for migrations: the first four letters of lethe in ASCII. */
const MIGRATION_LOCK = 0x6c657468;

/** A file of db/migrations/. */
export interface Migration {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

export async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(`${name}/migration.sql`, FOLDER), 'utf8');
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** Applies the missing migrations, each in its own transaction, under an advisory lock. Returns their names. */
export async function migrate(url: string): Promise<readonly string[]> {
  const database = connect(url, { connections: 1 });
  try {
    await database.execute(sql`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
    await disableParameterLogging(database);
    const missing = await findMissingMigrations(database);
    for (const migration of missing) {
      await transaction(database, async (tx) => {
        // Uses the driver, because a migration has many statements and drizzle sends one at a time.
        await tx.$client.unsafe(migration.text);
        // The first migration creates the schema of this table.
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

/** Throws unless the database has exactly the migrations of this code. The API and the worker check it at startup. */
export async function requireMigrated(database: Database): Promise<void> {
  const missing = await findMissingMigrations(database);
  if (missing.length > 0) {
    throw new Error(
      `the database lacks ${missing.map((migration) => migration.name).join(', ')}: run \`npm run migrate\``,
    );
  }
}

async function findMissingMigrations(database: Queries): Promise<readonly Migration[]> {
  const [{ present } = { present: false }] = await database.execute<{ present: boolean }>(
    sql`SELECT to_regclass('lethe.migrations') IS NOT NULL AS present`,
  );
  const rows = present
    ? await database.execute<{ name: string; sha256: string }>(sql`SELECT name, sha256 FROM lethe.migrations`)
    : [];
  const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]));
  const known = await readMigrations();
  const changed = known.find(({ name, sha256 }) => applied.has(name) && applied.get(name) !== sha256);
  if (changed !== undefined) throw new Error(`migration ${changed.name} was changed after it was applied`);
  const newer = rows.filter(({ name }) => !known.some((migration) => migration.name === name));
  if (newer.length > 0)
    throw new Error(`the database is newer than this code: it has ${newer.map(({ name }) => name).join(', ')}`);
  return known.filter(({ name }) => !applied.has(name));
}

/**
 * Turns off the logging of statement parameters for this database, if the role may. Parameters contain submitted
 * identities, and a server may log the parameters of slow statements.
 */
async function disableParameterLogging(database: Database): Promise<void> {
  const [{ allowed } = { allowed: false }] = await database.execute<{ allowed: boolean }>(sql`
    SELECT has_parameter_privilege('log_parameter_max_length', 'SET')
       AND pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') AS allowed`);
  if (allowed)
    await database.execute(
      sql`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length = 0', current_database()); END $$`,
    );
}

/**
 * The statement with which an administrator turns off the logging of parameters. Null if it is off. Opens a new
 * session, because a database setting applies only to new sessions.
 */
export async function adviseParameterLogging(url: string): Promise<string | null> {
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
