import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { openStorage } from '../archives/storage/open.ts';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { type ApiEnvironment, apiEnvironment } from '../config/environment.ts';
import { connect } from '../db/client.ts';
import { digestKeys, requireDigestKeys } from '../db/digests.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { requireSameStorage } from '../db/exports/archive.ts';
import { startFactsOf } from '../db/requests/start.ts';
import { startupError } from '../db/errors.ts';
import { isLoopback } from '../domain/address.ts';
import { createApp } from './app.ts';
import { listen } from './http/http-server.ts';
import { metrics } from './http/metrics.ts';
import { temporalOrchestrator } from './temporal/orchestrator.ts';

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
  const { host, port, trustedProxies, metricsAddress, publicUrl, webhookNetworks } = environment;
  const storage = await openStorage(environment.archives);
  await requireSameStorage(database, await storage.storageId());
  const now = () => new Date();
  const apart = connect(environment.databaseUrl, { connections: 1, plans: 'kept' });
  const { app: scraped, observe } = metrics({ database: apart, catalog, now, logger });
  const app = createApp({
    database,
    keys,
    catalog,
    orchestrator,
    now,
    storage,
    publicUrl,
    webhookNetworks,
    logger,
    trustedProxies,
    observe,
  });
  if (metricsAddress !== undefined) {
    const { url } = await listen(scraped, metricsAddress);
    logger.info({ url: `${url}/metrics` }, 'metrics');
  }
  if (isLoopback(publicUrl) && trustedProxies.rules.length > 0)
    logger.warn('links to archives lead to this machine only: set LETHE_PUBLIC_URL');
  const listening = await listen(app, { host, port });
  const end = async (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'draining');
    await listening.drain();
    await Promise.allSettled([
      database.$client.end({ timeout: 5 }),
      apart.$client.end({ timeout: 1 }),
      temporal.connection.close(),
    ]);
    logger.info('ended');
    process.exit(0);
  };
  let ending: Promise<void> | undefined;
  // A signal that comes again is no news; without a listener it would end the process at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void (ending ??= end(signal)));
  // A supervisor that reads this line may send SIGTERM from now on.
  logger.info({ url: listening.url }, 'listening');
}

/** Connects at the first call and again whenever needed: the API starts, and accepts requests, without Temporal. */
function connectTemporal({ address, namespace, tls, apiKey }: ApiEnvironment['temporal']): Client {
  const connection = Connection.lazy({ address, tls, ...(apiKey === undefined ? {} : { apiKey }) });
  return new Client({ connection, namespace });
}

function refuse(error: unknown): never {
  logger.fatal(startupError(error), 'cannot start');
  process.exit(1);
}

try {
  await main(apiEnvironment());
} catch (error) {
  refuse(error);
}
