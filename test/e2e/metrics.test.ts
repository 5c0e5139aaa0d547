import type postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import type { ServerProcess } from '../../dev/embedded/child-process.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import {
  onCleanup,
  createCaller,
  waitUntilPolling,
  prepareApp,
  type Service,
  startService,
  waitUntil,
} from './support/service.ts';

let service: Service;
let app: postgres.Sql;
let worker: ServerProcess;
const addresses = { api: `127.0.0.1:${await freePort()}`, worker: `127.0.0.1:${await freePort()}` };

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  app = await prepareApp(appUrl);
  const temporal = await startTemporal();
  onCleanup(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  await service.startApi({ METRICS_ADDRESS: addresses.api });
  worker = await service.startWorker({ METRICS_ADDRESS: addresses.worker });
  await waitUntilPolling(worker);
}, 120_000);

const scrape = async (process: 'api' | 'worker') => (await fetch(`http://${addresses[process]}/metrics`)).text();

test(
  'serves the metrics of the ledger and of the SDK without identities or request IDs after a deletion',
  { timeout: 180_000 },
  async () => {
    await app`INSERT INTO app.users VALUES ('canary-1', gen_random_uuid(), 'canary-2', 'canary-3@example.test', 'berlin', 'canary-4', now())`;
    const caller = createCaller(service);
    await caller.waitForStatus(
      await caller.submit({ kind: 'user', identities: [{ type: 'user_id', value: 'canary-1' }] }),
      'completed',
    );
    // The first scrape may precede the end of the deletion.
    const completed = 'lethe_requests{project="demo",kind="deletion",status="completed"} 1';
    await waitUntil('the API reports the completed request', async () => (await scrape('api')).includes(completed));
    const done = /^temporal_workflow_completed_total\{[^}]*workflow_type="fulfillDeletion"[^}]*\} 1$/m;
    await waitUntil(
      'the SDK reports the completed workflow',
      async () => done.test(await scrape('worker')),
      async () =>
        (await scrape('worker'))
          .split('\n')
          .filter((line) => line.startsWith('# TYPE temporal_workflow'))
          .join('\n'),
    );
    const sdk = await scrape('worker');
    expect(sdk).toMatch(/^temporal_activity_execution_latency_seconds_count\{[^}]*activity_type="\w+"/m);
    expect(sdk).toContain('task_queue="lethe-');
    expect(sdk + (await scrape('api'))).not.toMatch(/canary|(req|hold|mem|tok)_[0-9a-f]{32}|dsr-/);
    // Metrics do not change the log format.
    for (const line of worker.log().split('\n')) expect(JSON.parse(line)).toMatchObject({ process: 'worker' });
  },
);

test('logs one line and exits when the metrics address is in use', async () => {
  const second = await service.startWorker({ METRICS_ADDRESS: addresses.worker });
  await waitUntil(
    'the worker exits',
    async () => second.hasExited(),
    () => second.log(),
  );
  expect(second.exitCode()).toBe(1);
  expect(second.log().split('\n').at(-1)).toContain('"level":60');
  expect(worker.hasExited()).toBe(false);
});
