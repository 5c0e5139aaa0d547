import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, type TelemetryOptions, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import type { ActivityDeps } from './activities/deps.ts';
import {
  createArchiveActivities,
  createLedgerActivities,
  createSystemActivities,
  createNotificationActivities,
} from './activities/index.ts';
import { temporalOrchestrator } from './api/temporal/orchestrator.ts';
import { openStorage } from './archives/storage/open.ts';
import { loadDeployment, readDeployment } from './config/deployment.ts';
import { workerEnvironment } from './config/environment.ts';
import type { Connector } from './connectors/connector.ts';
import { requireSameStorage } from './db/exports/archive.ts';
import { connect } from './db/client.ts';
import { digestKeys, requireDigestKeys } from './db/digests.ts';
import { requireMigrated } from './db/migrate.ts';
import { ensureProjects } from './db/project-lock.ts';
import { startFactsOf } from './db/requests/start.ts';
import { startupError } from './db/errors.ts';
import { openMailer } from './outbound/mailer.ts';
import { webhookSender } from './outbound/webhook.ts';
import {
  ARCHIVES_TASK_QUEUE,
  systemTaskQueue,
  REQUESTS_TASK_QUEUE,
  searchAttributes,
  NOTIFICATION_TASK_QUEUE,
} from './workflows/shared/messages.ts';

/** The worker process: workflows and ledger work on one queue, and one queue per system. Start as many as are needed. */
const logger = pino({ base: { process: 'worker' } });
// One line in the log, as the API's, in place of a stack that may quote what was being stored.
process.once('uncaughtException', (error) => {
  logger.fatal(startupError(error), 'cannot go on');
  process.exit(1);
});
const environment = workerEnvironment();
logger.level = environment.logLevel;
const deployment = readDeployment(await loadDeployment(environment.configPath));
const database = connect(environment.databaseUrl);
const reading = connect(environment.databaseUrl);
const keys = digestKeys(environment.digestKeys);
await requireMigrated(database);
await requireDigestKeys(database, keys);
await ensureProjects(database, [...deployment.catalog.keys()]);

const storage = await openStorage(environment.archives);
await requireSameStorage(database, await storage.storageId());

const connectors = openConnectors();
for (const [name, connector] of connectors) {
  // An edited data map is refused here, before anything is taken on; a database that is away is not.
  const mistakes = await connector.inspect().catch(() => []);
  for (const { path, message } of mistakes)
    logger.error({ path: `projects.${name.replace('/', '.systems.')}.${path}` }, message);
  if (mistakes.length > 0) {
    logger.fatal({ system: name, mistakes: mistakes.length }, 'refusing to start: `npm run check` lists every mistake');
    process.exit(1);
  }
}

Runtime.install({
  ...(environment.metricsAddress === undefined ? {} : { telemetryOptions: servedAt(environment.metricsAddress) }),
  logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
    // The systems' workers have none, as is meant.
    if (message.startsWith('No workflows registered')) return;
    logger.warn(
      { level, workflowId: meta?.['workflowId'], activityType: meta?.['activityType'], attempt: meta?.['attempt'] },
      message,
    );
  }),
});
const connection = await connectPatiently();
const client = new Client({ connection, namespace: environment.temporal.namespace });
await addSearchAttributes();
await scheduleHousekeeping();

const deps: ActivityDeps = {
  database,
  reading,
  keys,
  storage,
  mailer: openMailer(environment.mail),
  webhooks: webhookSender({ networks: environment.webhookNetworks }),
  publicUrl: environment.publicUrl,
  catalog: deployment.catalog,
  connector: (project, system) => {
    const connector = connectors.get(`${project}/${system}`);
    if (connector === undefined) throw new Error(`system ${system} of ${project} is not configured`);
    return connector;
  },
  starter: temporalOrchestrator(client, { factsOf: (requestId) => startFactsOf(database, requestId), log: logger }),
};
const common = {
  connection,
  namespace: environment.temporal.namespace,
  // Less than the container's stop time, so that activities are told to stop and can say where they stood.
  shutdownGraceTime: '20 seconds',
  shutdownForceTime: '30 seconds',
} as const;
const workers = await Promise.all([
  Worker.create({
    ...common,
    taskQueue: REQUESTS_TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)),
    activities: createLedgerActivities(deps),
  }),
  Worker.create({
    ...common,
    taskQueue: ARCHIVES_TASK_QUEUE,
    activities: createArchiveActivities(deps),
    maxConcurrentActivityTaskExecutions: 4,
  }),
  Worker.create({ ...common, taskQueue: NOTIFICATION_TASK_QUEUE, activities: createNotificationActivities(deps) }),
  ...[...connectors.keys()].map((name) => {
    const [project = '', system = ''] = name.split('/');
    const activities = createSystemActivities(deps);
    return Worker.create({
      ...common,
      taskQueue: systemTaskQueue(project, system),
      activities,
      maxConcurrentActivityTaskExecutions: 20,
    });
  }),
]);
logger.info({ queues: workers.length }, 'polling');
await Promise.all(workers.map((worker) => worker.run()));
await Promise.allSettled([
  ...[...connectors.values()].map((connector) => connector.close()),
  database.$client.end({ timeout: 5 }),
  reading.$client.end({ timeout: 5 }),
  connection.close(),
]);
logger.info('ended');

function openConnectors(): ReadonlyMap<string, Connector> {
  const open = [...deployment.definitions].flatMap(([project, systems]) =>
    [...systems].map(([system, definition]) => {
      const connector = definition.open({ system, secret: environment.secret });
      return [`${project}/${system}`, connector] as const;
    }),
  );
  return new Map(open);
}

/** What Temporal's SDK counts and times, in Prometheus' own units and names. */
function servedAt({ host, port }: { readonly host: string; readonly port: number }): TelemetryOptions {
  const bindAddress = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const names = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
  return { metrics: { prometheus: { bindAddress, ...names } } };
}

/** Temporal may come up after its workers do. */
async function connectPatiently(): Promise<NativeConnection> {
  const { address, tls, apiKey } = environment.temporal;
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      return await NativeConnection.connect({ address, tls, ...(apiKey === undefined ? {} : { apiKey }) });
    } catch {
      logger.warn({ address, waitMs }, 'Temporal does not answer yet');
      await sleep(waitMs);
    }
  }
}

/** A workflow that sets an attribute unknown to the namespace would hang: they are there before the first one runs. */
async function addSearchAttributes(): Promise<void> {
  const { namespace } = environment.temporal;
  const known = await connection.operatorService.listSearchAttributes({ namespace });
  const codes = { TEXT: 1, KEYWORD: 2, INT: 3, DOUBLE: 4, BOOL: 5, DATETIME: 6, KEYWORD_LIST: 7 } as const;
  const missing = Object.values(searchAttributes).filter(({ name }) => !(name in (known.customAttributes ?? {})));
  if (missing.length === 0) return;
  const added = Object.fromEntries(missing.map(({ name, type }) => [name, codes[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: added });
}

async function scheduleHousekeeping(): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: 'lethe-housekeeping',
      spec: { intervals: [{ every: '1 minute' }] },
      // Rounds that were missed while Temporal was away have nothing to add to the next one.
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
      action: { type: 'startWorkflow', workflowType: 'housekeeping', taskQueue: REQUESTS_TASK_QUEUE },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
