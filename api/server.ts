import { serve } from '@hono/node-server';
import { pino } from 'pino';
import { loadDeployment, readDeployment } from '../config/deployment.ts';
import { apiEnvironment } from '../config/environment.ts';
import { connect } from '../db/client.ts';
import { type DigestKeys, requireDigestKeys } from '../db/digests.ts';
import { requireMigrated } from '../db/migrate.ts';
import { ensureProjects } from '../db/project-lock.ts';
import { startFactsOf } from '../db/start-facts.ts';
import { createApp } from './app.ts';
import { temporalOrchestrator } from './orchestrator.ts';
import { connectTemporal } from './temporal.ts';

/** The API process. It refuses to start on another schema, or without a digest key that rows were written with. */
const environment = apiEnvironment();
const logger = pino({ level: environment.logLevel, base: { process: 'api' } });
const { catalog } = readDeployment(await loadDeployment(environment.configPath));
const database = connect(environment.databaseUrl, { plans: 'kept' });
const [newest, ...older] = environment.digestKeys;
if (newest === undefined) throw new Error('LETHE_DIGEST_KEYS holds no key');
const keys: DigestKeys = [newest, ...older];
await requireMigrated(database);
await requireDigestKeys(database, keys);
await ensureProjects(database, [...catalog.keys()]);

const temporal = connectTemporal(environment.temporal);
const orchestrator = temporalOrchestrator(temporal, {
  factsOf: (requestId) => startFactsOf(database, requestId),
  log: logger,
});
const app = createApp({
  database,
  keys,
  catalog,
  orchestrator,
  token: environment.token,
  now: () => new Date(),
  logger,
});

const server = serve({ fetch: app.fetch, hostname: environment.host, port: environment.port }, (address) => {
  logger.info({ host: address.address, port: address.port }, 'listening');
});
server.on('error', (error: NodeJS.ErrnoException) => {
  logger.fatal({ code: error.code, host: environment.host, port: environment.port }, 'cannot listen');
  process.exit(1);
});

/** No new requests; those under way are answered first. */
function drain(signal: NodeJS.Signals): void {
  logger.info({ signal }, 'draining');
  server.close(() => {
    void Promise.allSettled([database.end({ timeout: 5 }), temporal.connection.close()]).then(() => {
      logger.info('ended');
      process.exit(0);
    });
  });
}
process.once('SIGTERM', drain);
process.once('SIGINT', drain);
