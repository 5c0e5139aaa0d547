import { migrate } from '../../db/migrate.ts';
import { createDatabase, templateOf, type TestDatabase } from './servers/postgres.ts';

/** A migrated ledger that only this test file knows. */
export const ledgerDatabase = async (): Promise<TestDatabase> =>
  createDatabase(await templateOf('ledger', async (url) => void (await migrate(url))));
