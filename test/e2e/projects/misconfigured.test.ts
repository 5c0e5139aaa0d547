import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { connect } from '../../../db/client.ts';
import { ensureProjects } from '../../../db/project-lock.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import type { ServerProcess } from '../../../dev/embedded/child-process.ts';
import { systemSql } from '../../../connectors/postgres/index.ts';
import { startTemporal } from '../../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../../support/databases.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { appSettings } from '../../support/world/app-map.ts';
import {
  addOwner,
  onCleanup,
  prepareApp,
  type Service,
  startService,
  waitUntil,
  waitUntilPolling,
} from '../support/service.ts';

let service: Service;
let worker: ServerProcess;
const tokens = new Map<string, string>();

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = [await ledgerDatabase(), await createDatabase()];
  const temporal = await startTemporal({ port: await freePort() });
  onCleanup(() => temporal.stop());
  const app = await prepareApp(appUrl);
  await app.unsafe(systemSql(appSettings(50), { system: 'demo/app' }));
  await app`INSERT INTO app.users VALUES ('u-1', gen_random_uuid(), 'ext-1', 'u-1@example.test', 'berlin', 'N', '2025-01-01')`;
  const config = join(import.meta.dirname, '../support/misconfigured/lethe.config.ts');
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address, config });
  worker = await service.startWorker();
  await waitUntilPolling(worker);
  const ledger = connect(ledgerUrl, { connections: 1 });
  await ensureProjects(ledger, ['invalid', 'locked']);
  await ledger.$client.end();
  for (const project of ['invalid', 'locked']) tokens.set(project, await addOwner(ledgerUrl, project));
}, 180_000);

const submit = (project: string) => {
  const token = tokens.get(project) ?? service.token;
  const identities = [{ type: 'user_id', value: 'u-1' }];
  const body = { project, kind: 'deletion', regulation: 'gdpr', subjects: { kind: 'user', identities } };
  return service.call('POST', '/v1/requests', body, { authorization: `Bearer ${token}` });
};
async function untilStatus(
  project: string,
  isReached: (request: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  let request: Record<string, unknown> = {};
  const { id } = JSON.parse((await submit(project)).text) as { id: string };
  const authorization = `Bearer ${tokens.get(project) ?? service.token}`;
  await waitUntil(
    `${project}: ${id}`,
    async () => {
      const { text } = await service.call('GET', `/v1/requests/${id}`, undefined, { authorization });
      request = JSON.parse(text) as Record<string, unknown>;
      return isReached(request);
    },
    () => worker.log(),
  );
  return request;
}

test('completes a deletion of a project while two others are misconfigured', async () => {
  await untilStatus('demo', ({ status }) => status === 'completed');
  for (const { log } of [worker, service.api]) expect(log()).toContain('projects.invalid.policy');
  expect(worker.log()).toContain('LOCKED_DATABASE_URL is not set');
});

test('answers calls of a project with an invalid policy with project_misconfigured', async () => {
  const { status, text } = await submit('invalid');
  expect(status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ code: 'project_misconfigured' });
});

// Housekeeping repeats a lost start or signal within two minutes.
test('lets a request of the project wait whose variable is not set', { timeout: 180_000 }, async () => {
  const seen = await untilStatus('locked', ({ waits }) => JSON.stringify(waits).includes('system_refused'));
  expect(seen).toMatchObject({ status: 'resolving' });
});
