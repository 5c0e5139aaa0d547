import { entryPoint } from './config/entry-point.ts';
import { migrateEnvironment } from './config/environment.ts';
import { migrate } from './db/migrate.ts';

/** `npm run migrate`: brings Lethe's own database to this version, one process at a time. */
await entryPoint(async () => {
  const applied = await migrate(migrateEnvironment().databaseUrl);
  console.log(applied.length === 0 ? 'nothing to apply: the database is up to date' : `applied ${applied.join(', ')}`);
  return 0;
});
