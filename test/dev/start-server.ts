import { z } from 'zod';

const Options = z.object({ dir: z.string().exactOptional(), dbFile: z.string().exactOptional() });

/** `node start-server.ts postgres|temporal|mariadb OPTIONS`: starts a server, prints its details and runs until it is killed. */
const [kind, options] = process.argv.slice(2);
try {
  const start = await startOf(kind);
  console.log(JSON.stringify(await start(Options.parse(JSON.parse(options ?? '{}')))));
  setInterval(() => {}, 60_000);
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  process.exitCode = 1;
}

/** Separate imports, because root.test.ts starts PostgreSQL from a checkout without Temporal's packages. */
async function startOf(server: string | undefined) {
  if (server === 'postgres') return (await import('../../dev/embedded/postgres/postgres.ts')).startPostgres;
  if (server === 'mariadb') return (await import('../../dev/embedded/mariadb/mariadb.ts')).startMariadb;
  return (await import('../../dev/embedded/temporal/temporal.ts')).startTemporal;
}
