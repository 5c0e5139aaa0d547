import { z } from 'zod';

const Options = z.object({ dir: z.string().exactOptional(), dbFile: z.string().exactOptional() });

/** `node start-server.ts postgres|temporal OPTIONS`: starts a server, prints its details and runs until it is killed. */
const [kind, options] = process.argv.slice(2);
try {
  // Separate imports, because root.test.ts starts PostgreSQL from a checkout without Temporal's packages.
  const start =
    kind === 'postgres'
      ? (await import('../../dev/embedded/postgres/postgres.ts')).startPostgres
      : (await import('../../dev/embedded/temporal/temporal.ts')).startTemporal;
  console.log(JSON.stringify(await start(Options.parse(JSON.parse(options ?? '{}')))));
  setInterval(() => {}, 60_000);
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  process.exitCode = 1;
}
