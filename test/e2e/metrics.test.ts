import type postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import type { Supervised } from '../../dev/embedded/child-process.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { atTheEnd, caller, polls, prepareApp, type Service, startService, until } from './support/service.ts';

let service: Service;
let app: postgres.Sql;
let worker: Supervised;
const addresses = { api: `127.0.0.1:${await freePort()}`, worker: `127.0.0.1:${await freePort()}` };

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  app = await prepareApp(appUrl);
  const temporal = await startTemporal();
  atTheEnd(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  await service.startApi({ METRICS_ADDRESS: addresses.api });
  worker = await service.startWorker({ METRICS_ADDRESS: addresses.worker });
  await polls(worker);
}, 120_000);

const scrape = async (process: 'api' | 'worker') => (await fetch(`http://${addresses[process]}/metrics`)).text();

test(
  'after a deletion the ledger’s figures and the SDK’s are served, and no identity or id with them',
  { timeout: 180_000 },
  async () => {
    await app`INSERT INTO app.users VALUES ('canary-1', gen_random_uuid(), 'canary-2', 'canary-3@example.test', 'berlin', 'canary-4', now())`;
    const ask = caller(service);
    await ask.reaches(
      await ask.submit({ kind: 'user', identities: [{ type: 'user_id', value: 'canary-1' }] }),
      'completed',
    );
    // The first scrape may have been before it.
    const ended = 'lethe_requests{project="demo",kind="deletion",status="completed"} 1';
    await until('the API tells of it', async () => (await scrape('api')).includes(ended));
    const done = /^temporal_workflow_completed_total\{[^}]*workflow_type="deletionRequest"[^}]*\} 1$/m;
    await until(
      'the SDK tells that the workflow is completed',
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
    // One line of JSON after another, with or without metrics.
    for (const line of worker.log().split('\n')) expect(JSON.parse(line)).toMatchObject({ process: 'worker' });
  },
);

test('an address that is taken ends the worker with one line', async () => {
  const second = await service.startWorker({ METRICS_ADDRESS: addresses.worker });
  await until(
    'it ends',
    async () => second.ended(),
    () => second.log(),
  );
  expect(second.exitCode()).toBe(1);
  expect(second.log().split('\n').at(-1)).toContain('"level":60');
  expect(worker.ended()).toBe(false);
});
