import { type Fixture, SETTINGS, USER } from './fixture.ts';

/** Where a table is that `mapped()` adds. */
export const LAST = `kinds.user.tables.${USER.tables?.length ?? 0}`;

/** What is found wrong with a database once this was done to it. */
export async function inspectErrors(db: Fixture, sql: string, settings = SETTINGS, url = db.url): Promise<string[]> {
  await db.sql.unsafe(sql);
  const found = await db.connector({}, settings, url).inspect();
  return found.map(({ path, message }) => `${path}: ${message}`);
}
