import { type Fixture, SETTINGS, USER } from './fixture.ts';

/** The path of a table that `withTables()` adds. */
export const ADDED_TABLE = `kinds.user.tables.${USER.tables?.length ?? 0}`;

/** Runs `sql` in the database and returns the config errors that inspect() then finds, as `path: message`. */
export async function inspectErrors(db: Fixture, sql: string, settings = SETTINGS, url = db.url): Promise<string[]> {
  await db.sql.unsafe(sql);
  const found = await db.connector({ smallTableRows: 0 }, settings, url).inspect();
  return found.map(({ path, message }) => `${path}: ${message}`);
}
