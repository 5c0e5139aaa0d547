import { readFileSync } from 'node:fs';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import postgres from 'postgres';
import { afterAll, afterEach } from 'vitest';
import type { ActivityDeps } from '../../../activities/deps.ts';
import {
  createArchiveActivities,
  createLedgerActivities,
  createSystemActivities,
  createNotificationActivities,
} from '../../../activities/index.ts';
import { temporalOrchestrator } from '../../../api/temporal/orchestrator.ts';
import { defineDeployment, readDeployment } from '../../../config/deployment.ts';
import type { Connector, ConnectorDefinition } from '../../../connectors/connector.ts';
import { postgres as postgresConnector } from '../../../connectors/postgres/index.ts';
import { ledgerTasks } from '../../../db/tasks/open.ts';
import type { Catalog, Project, SystemEntry } from '../../../domain/catalog.ts';
import {
  ARCHIVES_TASK_QUEUE,
  hidingTaskQueue,
  systemTaskQueue,
  REQUESTS_TASK_QUEUE,
  NOTIFICATION_TASK_QUEUE,
} from '../../../workflows/shared/messages.ts';
import { archives } from '../archives.ts';
import { appSettings } from './app-map.ts';
import { withFaults, type Faults, noFaults, clearFaults } from '../injected-faults.ts';
import { KEYS, type Ledger, ledger, POLICY } from '../ledger.ts';
import { notificationDeps } from '../outbound.ts';
import { createDatabase, templateOf } from '../servers/postgres.ts';
import { devServer, timeSkipping } from '../servers/temporal.ts';
import { quietTemporal } from '../servers/temporal-runtime.ts';
import { workflowBundle } from '../run/workflow-bundle.ts';

/** Real components on a simulated clock: a ledger, two databases with the demo's schema, and workers. */
export interface World extends Ledger {
  readonly env: TestWorkflowEnvironment;
  /** The databases of the systems `app` and `crm`, with the same schema. */
  readonly app: postgres.Sql;
  readonly crm: postgres.Sql;
  readonly deps: ActivityDeps;
  /** The injected faults of a system. */
  readonly faultsOf: (project: string, system?: string) => Faults;
  /** Removes the injected faults of all systems. */
  clearAllFaults(): void;
  readonly orchestrator: ReturnType<typeof temporalOrchestrator>;
  stopWorkers(): Promise<void>;
  /** Starts the workers again after `stopWorkers`. */
  startWorkers(): Promise<void>;
  /** Restarts the workers with a configuration that lacks this system of the project, or lacks none. */
  restartWithout(project: string, system: string | null): Promise<void>;
  close(): Promise<void>;
}

export interface ProjectShape {
  readonly policy?: Partial<Project['policy']>;
  /** Adds the second system, `crm`. */
  readonly crm?: boolean;
  /** Differs from what the connector of `crm` describes. */
  readonly crmEntry?: Partial<SystemEntry>;
  readonly subjectsPerCommit?: number;
  /** Further systems, by name. */
  readonly systems?: Readonly<Record<string, ConnectorDefinition>>;
}

const schema = readFileSync(new URL('../../../dev/demo/data/schema.sql', import.meta.url), 'utf8');

quietTemporal();

type Projects = Readonly<Record<string, ProjectShape>>;

/** Starts the world of a test file on a time-skipping server. Removes faults after each test; closes after the file. */
export async function withWorld(projects: Projects, changes: Partial<ActivityDeps> = {}): Promise<World> {
  return closeAfterFile(await startWorld(await timeSkipping(), projects, changes));
}

/** Like `withWorld`, in real time. The time-skipping server cancels no activity and stops skipping after a termination. */
export async function withWorldInRealTime(projects: Projects): Promise<World> {
  const { env } = await devServer();
  return closeAfterFile(await startWorld(env, projects));
}

function closeAfterFile(world: World): World {
  afterEach(() => world.clearAllFaults());
  afterAll(() => world.close());
  return world;
}

export async function startWorld(
  env: TestWorkflowEnvironment,
  projects: Projects,
  changes: Partial<ActivityDeps> = {},
): Promise<World> {
  const template = await templateOf('app', async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.unsafe(schema);
    await sql`CREATE SEQUENCE app.test_events`;
    for (const system of ['app', 'crm'])
      await sql.unsafe(postgresConnector(appSettings()).setupSql?.({ system }) ?? '');
    await sql.end();
  });
  const urls = { app: (await createDatabase(template)).url, crm: (await createDatabase(template)).url };
  const testLedger = await ledger(Object.keys(projects));
  const { catalog, definitions } = deploymentOf(projects);
  const configuration = new Map(catalog);
  const faults = new Map<string, Faults>();
  const connectors = new Map<string, Connector>();
  for (const [project, systems] of definitions) {
    for (const [system, definition] of systems) {
      const name = `${project}/${system}`;
      faults.set(name, noFaults());
      const connector = definition.open({
        system,
        secret: () => urls[system === 'crm' ? 'crm' : 'app'],
        tasks: ledgerTasks(testLedger.database, { project, system }),
      });
      connectors.set(name, withFaults(connector, faults.get(name) ?? noFaults()));
    }
  }
  const log = { warn: () => {} };
  const orchestrator = temporalOrchestrator(env.client, {
    database: testLedger.database,
    log,
  });
  const deps: ActivityDeps = {
    database: testLedger.database,
    reading: testLedger.reading,
    keys: KEYS,
    catalog: configuration,
    connector: (project, system) => must(connectors.get(`${project}/${system}`)),
    starter: orchestrator,
    storage: archives(),
    ...notificationDeps(),
    ...changes,
  };
  let workers = await startWorkers(env, deps, [...connectors.keys()]);
  const [app, crm] = [urls.app, urls.crm].map((url) => postgres(url, { max: 2, onnotice: () => {} }));
  return {
    ...testLedger,
    env,
    app: must(app),
    crm: must(crm),
    deps,
    orchestrator,
    faultsOf: (project, system = 'app') => must(faults.get(`${project}/${system}`)),
    clearAllFaults: () => faults.forEach(clearFaults),
    stopWorkers: () => workers.stop(),
    async startWorkers() {
      workers = await startWorkers(env, deps, [...connectors.keys()]);
    },
    async restartWithout(project, system) {
      await workers.stop();
      const whole = must(catalog.get(project));
      configuration.set(project, { ...whole, systems: whole.systems.filter(({ name }) => name !== system) });
      const names = [...connectors.keys()].filter((name) => name !== `${project}/${system}`);
      workers = await startWorkers(env, deps, names);
    },
    async close() {
      await workers.stop();
      await Promise.all([app?.end(), crm?.end(), testLedger.closeLedger()]);
    },
  };
}

function deploymentOf(projects: Projects) {
  const declared = Object.entries(projects).map(([name, { crm, subjectsPerCommit, systems: more }]) => {
    const system = postgresConnector(appSettings(subjectsPerCommit));
    const systems = { app: system, ...(crm === true ? { crm: system } : {}), ...more };
    return [name, { policy: { deadline: { gdpr: '30 days' } }, directory: 'app', systems }] as const;
  });
  const { catalog, definitions } = readDeployment(defineDeployment({ projects: Object.fromEntries(declared) }));
  const changed: Catalog = new Map(
    [...catalog].map(([name, project]) => {
      const shape = projects[name];
      const systems = project.systems.map((entry) => (entry.name === 'crm' ? { ...entry, ...shape?.crmEntry } : entry));
      return [name, { ...project, systems, policy: { ...POLICY, ...shape?.policy } }];
    }),
  );
  return { catalog: changed, definitions };
}

async function startWorkers(env: TestWorkflowEnvironment, deps: ActivityDeps, systems: readonly string[]) {
  const connection = env.nativeConnection;
  const workers = [
    await Worker.create({
      connection,
      taskQueue: REQUESTS_TASK_QUEUE,
      workflowBundle: await workflowBundle(),
      activities: createLedgerActivities(deps),
    }),
    await Worker.create({ connection, taskQueue: ARCHIVES_TASK_QUEUE, activities: createArchiveActivities(deps) }),
    await Worker.create({
      connection,
      taskQueue: NOTIFICATION_TASK_QUEUE,
      activities: createNotificationActivities(deps),
    }),
  ];
  for (const name of systems) {
    const [project = '', system = ''] = name.split('/');
    const activities = createSystemActivities(deps);
    for (const taskQueue of [systemTaskQueue(project, system), hidingTaskQueue(project, system)])
      workers.push(await Worker.create({ connection, taskQueue, activities }));
  }
  const runs = workers.map((worker) => worker.run());
  let stopped = false;
  return {
    async stop() {
      if (stopped) return;
      stopped = true;
      for (const worker of workers) worker.shutdown();
      await Promise.all(runs);
    },
  };
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the value is undefined');
  return value;
}
