import { type ServerType, serve } from '@hono/node-server';
import { pino } from 'pino';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { type ApiEnvironment, apiEnvironment } from '../config/environment.ts';
import { connect } from '../db/client.ts';
import { digestKeys, requireDigestKeys } from '../db/digests.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { startFactsOf } from '../db/start-facts.ts';
import { startFault } from '../db/unavailable.ts';
import { createApp } from './app.ts';
import { temporalOrchestrator } from './orchestrator.ts';
import { connectTemporal } from './temporal.ts';

/** How long a caller that is slow to send or to read may keep the process from ending. */
const DRAIN_MS = 20_000;
const logger = pino({ base: { process: 'api' } });

/** The API process. It refuses to start on another schema, or without a digest key that rows were written with. */
async function main(environment: ApiEnvironment): Promise<void> {
  logger.level = environment.logLevel;
  const { catalog } = readDeployment(await loadDeployment(environment.configPath));
  const keys = digestKeys(environment.digestKeys);
  const database = connect(environment.databaseUrl, { plans: 'kept' });
  await requireMigrated(database);
  await requireDigestKeys(database, keys);
  await ensureProjects(database, [...catalog.keys()]);

  const temporal = connectTemporal(environment.temporal);
  const orchestrator = temporalOrchestrator(temporal, {
    factsOf: (requestId) => startFactsOf(database, requestId),
    log: logger,
  });
  const { host, port, trustedProxies } = environment;
  const app = createApp({ database, keys, catalog, orchestrator, now: () => new Date(), logger, trustedProxies });
  const server = serve({ fetch: app.fetch, hostname: host, port }, (address) =>
    logger.info({ host: address.address, port: address.port }, 'listening'),
  );
  server.on('error', (error) => refuse(error));
  const end = async () => {
    await Promise.allSettled([database.end({ timeout: 5 }), temporal.connection.close()]);
    logger.info('ended');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => drain(server, signal, end));
}

/** No new requests; those under way are answered first. */
function drain(server: ServerType, signal: NodeJS.Signals, end: () => Promise<void>): void {
  logger.info({ signal }, 'draining');
  server.close(() => void end());
  if ('closeAllConnections' in server) setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
}

function refuse(error: unknown): never {
  logger.fatal(startFault(error), 'cannot start');
  process.exit(1);
}

try {
  await main(apiEnvironment());
} catch (error) {
  refuse(error);
}
