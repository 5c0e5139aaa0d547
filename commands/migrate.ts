import { runCommand } from '../config/run-command.ts';
import { migrateEnvironment } from '../config/environment.ts';
import { migrate, adviseParameterLogging } from '../db/migrate.ts';

/** Applies the migrations of the ledger. Concurrent calls wait for each other. */
await runCommand(async () => {
  const { databaseUrl } = migrateEnvironment();
  const applied = await migrate(databaseUrl);
  console.log(applied.length === 0 ? 'the database is up to date' : `applied ${applied.join(', ')}`);
  const advice = await adviseParameterLogging(databaseUrl);
  if (advice !== null)
    console.error(
      `this server can write submitted identities to its log. To prevent this, run as an administrator:\n  ${advice}`,
    );
  return 0;
});
