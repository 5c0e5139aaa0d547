import { migrate } from '../../db/migrate.ts';
import { createDatabase, templateOf, type TestDatabase } from './servers/postgres.ts';

/** Creates a migrated ledger for one test file. */
export const ledgerDatabase = async (): Promise<TestDatabase> =>
  createDatabase(await templateOf('ledger', async (url) => void (await migrate(url))));

/** Like ANALYZE, without the tables of the catalog, which are most of its work in a small database. */
export const ANALYZE_TABLES = `DO $analyze$ BEGIN EXECUTE (
  SELECT 'ANALYZE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
  WHERE relkind IN ('r', 'p', 'm') AND relnamespace <> ALL ('{pg_catalog, information_schema}'::regnamespace[])); END $analyze$`;
