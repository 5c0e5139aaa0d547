import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { openStorage } from '../archives/storage/open.ts';
import { loadDeployment, readHealthyProjects } from '../config/deployment.ts';
import { readCommandLine } from '../config/command-line/command-line.ts';
import { variablesOf } from '../config/command-line/variables.ts';
import { API_VARIABLES, type ApiEnvironment, apiEnvironment } from '../config/environment.ts';
import { reportFatal } from '../config/report/fatal.ts';
import { retryWhileAway } from '../config/startup/retry-while-away.ts';
import { API_TIMEOUTS, connect } from '../db/client.ts';
import { createDigestKeys, requireDigestKeys } from '../db/digests.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { requireSameStorage } from '../db/exports/archive.ts';
import { databaseAt, isStorageUnavailable, startupError, surviveLostConnections } from '../db/errors.ts';
import { logEvent } from '../domain/wording/events.ts';
import { isLoopback } from '../domain/network/address.ts';
import { createApp } from './app.ts';
import { listen } from './http/http-server.ts';
import { createMetrics } from './http/metrics.ts';
import { temporalOrchestrator } from './temporal/orchestrator.ts';

const logger = pino({ base: { process: 'api' } });
/** A caller does not wait longer for Temporal, because the request is stored and starts without the caller. */
const PATIENCE_MS = 250;

const COMMAND = {
  usage: ['npm run start:api'],
  summary: [
    'Start the API. It accepts requests also while Temporal cannot be reached. SIGTERM stops it after its calls.',
  ],
  options: {},
  variables: variablesOf(...API_VARIABLES),
  examples: ['npm run start:api', 'PORT=8081 METRICS_ADDRESS=127.0.0.1:9464 npm run start:api'],
} as const;

/**
 * The API process. It does not start on another schema, or without a digest key that rows were written with. Until these
 * can be checked, it answers every call with `storage_unavailable`.
 */
async function main(environment: ApiEnvironment): Promise<void> {
  logger.level = environment.logLevel;
  surviveLostConnections(process, (code) =>
    logger.warn({ code }, 'a connection to the database ended while it was opened'),
  );
  const { catalog, misconfigured } = readHealthyProjects(await loadDeployment(environment.configPath));
  for (const { path, message } of [...misconfigured.values()].flat()) logger.error({ path }, message);
  for (const project of misconfigured.keys())
    logger.error(
      { project },
      'calls of this project are answered with project_misconfigured until its errors are corrected',
    );
  const keys = createDigestKeys(environment.digestKeys);
  const database = connect(environment.databaseUrl, {
    plans: 'kept',
    timeouts: API_TIMEOUTS,
    onEvent: (event) => logEvent(logger, event),
  });
  const temporal = connectTemporal(environment.temporal);
  const orchestrator = temporalOrchestrator(temporal, {
    database,
    log: logger,
    patienceMs: PATIENCE_MS,
  });
  const { host, port, trustedProxies, metricsAddress, publicUrl, webhookNetworks } = environment;
  const storage = await openStorage(environment.archives);
  const checkStores = async () => {
    await requireMigrated(database);
    await requireDigestKeys(database, keys);
    await ensureProjects(database, [...catalog.keys()]);
    await requireSameStorage(database, await storage.storageId());
  };
  // Without an outage, the port opens after the checks.
  let isStarted = await checkStores().then(() => true, throwUnlessAway);
  const now = () => new Date();
  const metricsDatabase = connect(environment.databaseUrl, {
    connections: 1,
    plans: 'kept',
    timeouts: API_TIMEOUTS,
  });
  const { app: metricsApp, observe } = createMetrics({ database: metricsDatabase, catalog, now, logger });
  const app = createApp({
    database,
    keys,
    catalog,
    misconfigured: new Set(misconfigured.keys()),
    orchestrator,
    now,
    storage,
    publicUrl,
    webhookNetworks,
    logger,
    trustedProxies,
    observe,
    isStarted: () => isStarted,
  });
  if (metricsAddress !== undefined) {
    const { url } = await listen(metricsApp, { ...metricsAddress, variable: 'METRICS_ADDRESS' });
    logger.info({ url: `${url}/metrics` }, 'serving metrics');
  }
  if (isLoopback(publicUrl) && trustedProxies.rules.length > 0)
    logger.warn('download links point to this machine only: set LETHE_PUBLIC_URL');
  const server = await listen(app, { host, port, variable: 'PORT' });
  const shutDown = async (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'shutting down');
    await server.drain();
    await Promise.allSettled([
      database.$client.end({ timeout: 5 }),
      metricsDatabase.$client.end({ timeout: 1 }),
      temporal.connection.close(),
    ]);
    logger.info('stopped');
    process.exit(0);
  };
  let shutdown: Promise<void> | undefined;
  // A repeated signal is ignored; without a listener it would end the process immediately.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void (shutdown ??= shutDown(signal)));
  // Supervisors wait for this line before they send SIGTERM.
  logger.info({ url: server.url }, 'listening');
  if (isStarted) return;
  await retryWhileAway(logger, whatIsAway, checkStores);
  isStarted = true;
  logger.info('the database is reachable');
}

/** Null for an error that does not pass by itself. */
function whatIsAway(error: unknown): string | null {
  if (!isStorageUnavailable(error)) return null;
  return databaseUrl === undefined ? 'the database' : databaseAt(databaseUrl);
}

function throwUnlessAway(error: unknown): false {
  if (whatIsAway(error) === null) throw error;
  return false;
}

/** Connects at the first call, so that the API starts and accepts requests without Temporal. */
function connectTemporal({ address, namespace, tls, apiKey }: ApiEnvironment['temporal']): Client {
  const connection = Connection.lazy({ address, tls, ...(apiKey === undefined ? {} : { apiKey }) });
  return new Client({ connection, namespace });
}

readCommandLine(COMMAND);
let databaseUrl: string | undefined;
try {
  const environment = apiEnvironment();
  ({ databaseUrl } = environment);
  await main(environment);
} catch (error) {
  reportFatal(logger, startupError(error, databaseUrl), 'cannot start');
  process.exit(1);
}
