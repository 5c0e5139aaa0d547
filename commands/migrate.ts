import { readCommandLine } from '../config/command-line/command-line.ts';
import { variablesOf } from '../config/command-line/variables.ts';
import { runCommand } from '../config/run-command.ts';
import { migrateEnvironment } from '../config/environment.ts';
import { startupError, toCommandError } from '../db/errors.ts';
import { migrate, adviseParameterLogging } from '../db/migrate.ts';

const COMMAND = {
  usage: ['npm run migrate'],
  summary: ["Apply the missing migrations to Lethe's own database. Concurrent calls wait for each other."],
  options: {},
  variables: variablesOf('DATABASE_URL'),
  examples: ['DATABASE_URL=postgres://lethe:password@127.0.0.1:5432/lethe npm run migrate'],
} as const;

await runCommand(async () => {
  readCommandLine(COMMAND);
  const { databaseUrl } = migrateEnvironment();
  try {
    const applied = await migrate(databaseUrl);
    console.log(applied.length === 0 ? 'the database is up to date' : `applied ${applied.join(', ')}`);
    const advice = await adviseParameterLogging(databaseUrl);
    if (advice !== null)
      console.error(
        `this server can write submitted identities to its log. To prevent this, run as an administrator:\n  ${advice}`,
      );
    return 0;
  } catch (error) {
    // The server's own message names what a statement of a migration lacks, and no data of a subject.
    throw startupError(error, databaseUrl).reason === undefined ? error : toCommandError(error, databaseUrl);
  }
});
