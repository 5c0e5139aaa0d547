import { migrate } from '../../db/migrate.ts';
import { createDatabase, templateOf, type TestDatabase } from './servers/postgres.ts';

/** Creates a migrated ledger for one test file. */
export const ledgerDatabase = async (): Promise<TestDatabase> =>
  createDatabase(await templateOf('ledger', async (url) => void (await migrate(url))));
