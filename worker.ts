import { fileURLToPath } from 'node:url';
import { Client, isGrpcServiceError, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  type TelemetryOptions,
  TransportError,
  Worker,
} from '@temporalio/worker';
import { pino } from 'pino';
import type { ActivityDeps } from './activities/deps.ts';
import {
  createArchiveActivities,
  createLedgerActivities,
  createSystemActivities,
  createNotificationActivities,
} from './activities/index.ts';
import { HEARTBEAT_MS } from './activities/middleware.ts';
import { runDispatcher } from './api/temporal/dispatcher.ts';
import { temporalOrchestrator } from './api/temporal/orchestrator.ts';
import { ledgerTasks } from './db/tasks/open.ts';
import { openStorage } from './archives/storage/open.ts';
import { loadDeployment, readHealthyProjects } from './config/deployment.ts';
import { readCommandLine } from './config/command-line/command-line.ts';
import { NAMED_IN_CONFIG, variablesOf } from './config/command-line/variables.ts';
import { WORKER_VARIABLES, workerEnvironment } from './config/environment.ts';
import { reportFatal } from './config/report/fatal.ts';
import { openSystems } from './config/open-systems.ts';
import { retryWhileAway } from './config/startup/retry-while-away.ts';
import { requireSameStorage } from './db/exports/archive.ts';
import { refusingSystems } from './db/outages/outages.ts';
import { connect, WORKER_TIMEOUTS } from './db/client.ts';
import { createDigestKeys, requireDigestKeys } from './db/digests.ts';
import { requireMigrated } from './db/migrate.ts';
import { ensureProjects } from './db/project-lock.ts';
import { databaseAt, isStorageUnavailable, startupError, surviveLostConnections } from './db/errors.ts';
import { qualifiedSystemName } from './domain/ids.ts';
import { logEvent } from './domain/wording/events.ts';
import { openMailer } from './outbound/mailer.ts';
import { webhookSender } from './outbound/webhook.ts';
import {
  ARCHIVES_TASK_QUEUE,
  hidingTaskQueue,
  systemTaskQueue,
  REQUESTS_TASK_QUEUE,
  searchAttributes,
  NOTIFICATION_TASK_QUEUE,
} from './workflows/shared/messages.ts';

/** The worker process. Polls one queue for workflows and ledger activities and two queues per system. Scales horizontally. */
const HOUSEKEEPING = 'lethe-housekeeping';
readCommandLine({
  usage: ['npm run start:worker'],
  summary: ['Start a worker. Several workers share the work. SIGTERM stops it after the current ranges.'],
  options: {},
  variables: { ...variablesOf(...WORKER_VARIABLES), ...NAMED_IN_CONFIG },
  examples: ['npm run start:worker', 'METRICS_ADDRESS=127.0.0.1:9465 npm run start:worker'],
});
const logger = pino({ base: { process: 'worker' } });
/** What an error at the start is explained with. */
const known: { databaseUrl?: string } = {};
// Logs one line instead of a stack trace, which may quote personal data.
process.once('uncaughtException', (error) => {
  reportFatal(logger, startupError(error, known.databaseUrl), 'fatal error');
  process.exit(1);
});
surviveLostConnections(process, (code) =>
  logger.warn({ code }, 'a connection to the database ended while it was opened'),
);
const environment = workerEnvironment();
known.databaseUrl = environment.databaseUrl;
logger.level = environment.logLevel;
const deployment = readHealthyProjects(await loadDeployment(environment.configPath));
for (const [project, errors] of deployment.misconfigured) {
  for (const { path, message } of errors) logger.error({ path }, message);
  logger.error({ project }, 'the requests of this project wait until its config errors are corrected');
}
const database = connect(environment.databaseUrl, {
  timeouts: WORKER_TIMEOUTS,
  onEvent: (event) => logEvent(logger, event),
});
const reading = connect(environment.databaseUrl, { timeouts: WORKER_TIMEOUTS });
const keys = createDigestKeys(environment.digestKeys);
const storage = await openStorage(environment.archives);
// The ledger and Temporal may start after the worker.
await retryWhileAway(logger, whatIsAway, async () => {
  await requireMigrated(database);
  await requireDigestKeys(database, keys);
  await ensureProjects(database, [...deployment.catalog.keys()]);
  await requireSameStorage(database, await storage.storageId());
});

const { connectors, healthy } = await openSystems(deployment, environment.secret, logger, (name) =>
  ledgerTasks(database, name),
);
if (healthy === 0) {
  const reason = 'no system can be used; run `npm run check` to list all errors';
  reportFatal(logger, { code: null, reason }, 'not started');
  process.exit(1);
}

Runtime.install({
  ...(environment.metricsAddress === undefined ? {} : { telemetryOptions: prometheusAt(environment.metricsAddress) }),
  logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
    // Workers of systems register no workflows by design, and the activities log their failures with a code.
    if (message.startsWith('No workflows registered') || message === 'Activity failed') return;
    const { workflowId, activityType: activity, attempt } = meta ?? {};
    logger[level === 'ERROR' ? 'error' : 'warn']({ workflowId, activity, attempt }, message);
  }),
});
const { address, tls, apiKey } = environment.temporal;
const connection = await retryWhileAway(logger, whatIsAway, () =>
  NativeConnection.connect({ address, tls, ...(apiKey === undefined ? {} : { apiKey }) }),
);
const client = new Client({ connection, namespace: environment.temporal.namespace });
await retryWhileAway(logger, whatIsAway, async () => {
  await addSearchAttributes();
  await scheduleHousekeeping();
});

const deps: ActivityDeps = {
  database,
  reading,
  keys,
  storage,
  mailer: openMailer(environment.mail),
  webhooks: webhookSender({ networks: environment.webhookNetworks }),
  log: logger,
  publicUrl: environment.publicUrl,
  catalog: deployment.catalog,
  connector: (project, system) => {
    const connector = connectors.get(qualifiedSystemName(project, system));
    if (connector === undefined) throw new Error(`system ${system} of ${project} is not configured`);
    return connector;
  },
  starter: temporalOrchestrator(client, { database, log: logger }),
};
const common = {
  connection,
  namespace: environment.temporal.namespace,
  // Shorter than the stop time of the container, so that activities can record their progress.
  shutdownGraceTime: '20 seconds',
  shutdownForceTime: '30 seconds',
  // By default, the SDK sends a heartbeat at most once in 80 % of the timeout.
  maxHeartbeatThrottleInterval: HEARTBEAT_MS,
} as const;
const workers = await Promise.all([
  Worker.create({
    ...common,
    taskQueue: REQUESTS_TASK_QUEUE,
    ...workflowSource(environment.workflowBundle),
    activities: createLedgerActivities(deps),
    // More would wait here, for a thread or a connection, in the order of arrival instead of the order of priority.
    maxConcurrentWorkflowTaskExecutions: 4,
    maxConcurrentActivityTaskExecutions: 6,
  }),
  Worker.create({
    ...common,
    taskQueue: ARCHIVES_TASK_QUEUE,
    activities: createArchiveActivities(deps),
    maxConcurrentActivityTaskExecutions: 4,
  }),
  Worker.create({ ...common, taskQueue: NOTIFICATION_TASK_QUEUE, activities: createNotificationActivities(deps) }),
  ...[...connectors.keys()].flatMap((name) => {
    const [project = '', system = ''] = name.split('/');
    const activities = createSystemActivities(deps);
    return [
      { taskQueue: systemTaskQueue(project, system), maxConcurrentActivityTaskExecutions: 20 },
      { taskQueue: hidingTaskQueue(project, system), maxConcurrentActivityTaskExecutions: 10 },
    ].map((queue) => Worker.create({ ...common, activities, ...queue }));
  }),
]);
logger.info({ queues: workers.length }, 'polling');
// The configuration or a secret may be corrected.
for (const { project, system } of await refusingSystems(database)) await deps.starter.watchSystem(project, system);
// Finds the requests whose systems have left the configuration, or are back.
await client.schedule
  .getHandle(HOUSEKEEPING)
  .trigger()
  .catch(() => logger.warn('housekeeping was not started; it runs within a minute'));
const stopDispatcher = new AbortController();
const dispatcher = runDispatcher({ client, database: reading, log: logger }, stopDispatcher.signal);
await Promise.all(workers.map((worker) => worker.run()));
stopDispatcher.abort();
await dispatcher;
await Promise.allSettled([
  ...[...connectors.values()].map((connector) => connector.close()),
  database.$client.end({ timeout: 5 }),
  reading.$client.end({ timeout: 5 }),
  connection.close(),
]);
logger.info('stopped');

/** Bundling takes a second of a core, which a container saves at each start. */
function workflowSource(codePath: string | null) {
  return codePath === null
    ? { workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)) }
    : { workflowBundle: { codePath } };
}

/** Serves the metrics of Temporal's SDK with the units and names that Prometheus recommends. */
function prometheusAt({ host, port }: { readonly host: string; readonly port: number }): TelemetryOptions {
  const bindAddress = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const names = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
  return { metrics: { prometheus: { bindAddress, ...names } } };
}

/** Names the part of the installation that the error says is away. Null for an error that does not pass by itself. */
function whatIsAway(error: unknown): string | null {
  if (isStorageUnavailable(error)) return databaseAt(environment.databaseUrl);
  // Deadline exceeded, or unavailable.
  const isUnreachable = isGrpcServiceError(error) && [4, 14].includes(error.code);
  return error instanceof TransportError || isUnreachable
    ? `Temporal at ${environment.temporal.address} (TEMPORAL_ADDRESS)`
    : null;
}

/** Runs before the first workflow, because a workflow that sets an unknown search attribute does not continue. */
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
  const scheduleId = HOUSEKEEPING;
  const action = {
    type: 'startWorkflow',
    workflowType: 'recoverStalledWork',
    taskQueue: REQUESTS_TASK_QUEUE,
    staticSummary: 'Starts missing workflows and repeats lost signals',
  } as const;
  try {
    await client.schedule.create({
      scheduleId,
      spec: { intervals: [{ every: '1 minute' }] },
      // The next round also does the work of rounds that were missed while Temporal was unavailable.
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
      action,
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    // An earlier version may have created it with another workflow type.
    const schedule = client.schedule.getHandle(scheduleId);
    const { action: existing } = await schedule.describe();
    if (existing.workflowType !== action.workflowType)
      await schedule.update((known) => ({ ...known, action: { ...known.action, ...action } }));
  }
}
