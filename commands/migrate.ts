import { entryPoint } from '../config/entry-point.ts';
import { migrateEnvironment } from '../config/environment.ts';
import { migrate, parametersInLog } from '../db/migrate.ts';

/** `npm run migrate`: brings Lethe's own database to this version, one process at a time. */
await entryPoint(async () => {
  const { databaseUrl } = migrateEnvironment();
  const applied = await migrate(databaseUrl);
  console.log(applied.length === 0 ? 'nothing to apply: the database is up to date' : `applied ${applied.join(', ')}`);
  const advice = await parametersInLog(databaseUrl);
  if (advice !== null)
    console.error(`this server may write submitted identities to its log; an administrator runs:\n  ${advice}`);
  return 0;
});
