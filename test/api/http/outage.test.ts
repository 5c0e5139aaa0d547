import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import { temporalOrchestrator } from '../../../api/temporal/orchestrator.ts';
import { migrate } from '../../../db/migrate.ts';
import { startFactsOf } from '../../../db/requests/start.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { type PostgresServer, startPostgres } from '../../../dev/embedded/postgres/postgres.ts';
import { submitDeletion, deletionOf, PROJECT, testApi, textOf, user } from '../support/api.ts';

const dir = join(tmpdir(), `lethe-test-outage-${process.pid}`);
let server: PostgresServer | undefined;
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('returns 503 without partial writes while PostgreSQL is down and recovers by itself', async () => {
  server = await startPostgres({ dir });
  const { url, port } = server;
  await migrate(url);
  const api = await testApi({ url });
  const before = await submitDeletion(api, [user('before')]);
  await server.stop();

  for (const onConflict of ['attach', 'reject']) {
    const away = await api.call('POST', '/v1/requests', deletionOf([user('canary-away')], { onConflict }));
    expect(away.json).toMatchObject({ status: 503, code: 'storage_unavailable' });
    expect(away.headers.get('Retry-After')).toBe('5');
  }
  const hold = { project: 'demo', kind: 'user', identities: [user('canary-away')], caseRef: 'C', heldBy: 'c' };
  expect((await api.call('POST', '/v1/holds', hold)).status).toBe(503);
  expect((await api.call('GET', `/v1/requests/${before}`)).status).toBe(503);
  const readiness = await api.call('GET', '/readyz');
  expect(readiness.status).toBe(503);
  expect(readiness.json).toMatchObject({ ready: false, database: 'away', schema: 'unknown' });
  expect((await api.call('GET', '/healthz')).status).toBe(200);
  expect(api.orchestrator.started).toEqual([before]);
  expect(api.log.join('')).toContain('database unavailable');
  expect(api.log.join('')).not.toContain('canary');

  server = await startPostgres({ dir, port });
  const after = await submitDeletion(api, [user('after')]);
  const stored = await api.sql<{ id: string }[]>`SELECT id FROM lethe.requests ORDER BY id`;
  expect(stored.map((row) => row.id).toSorted()).toEqual([before, after].toSorted());
  const [counts] = await api.sql`SELECT (SELECT count(*) FROM lethe.submitted_identities) AS identities,
    (SELECT count(*) FROM lethe.holds) AS holds`;
  expect(counts).toEqual({ identities: 2, holds: 0 });
  expect((await api.call('GET', '/readyz')).json).toMatchObject({ ready: true, schema: 'current' });
});

test('reports another schema as not ready and returns 500 without personal data', async () => {
  const api = await testApi();
  await api.sql`DELETE FROM lethe.migrations`;
  const readiness = await api.call('GET', '/readyz');
  expect(readiness.status).toBe(503);
  expect(readiness.json).toMatchObject({ database: 'reachable', schema: 'other' });
  await api.sql`DROP TABLE lethe.submitted_identities CASCADE`;
  const broken = await api.call('POST', '/v1/requests', deletionOf([user('canary-broken')]));
  expect(broken.json).toMatchObject({
    status: 500,
    code: 'internal',
    detail: 'An unexpected error occurred. The log of the API has the cause under the id in `instance`.',
  });
  expect(broken.text + api.log.join('')).not.toContain('canary');
  expect(api.log.join('')).toContain('42P01');
});

test('returns 202 and logs one line when Temporal is down, so that the request is started later', async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const client = new Client({ connection: Connection.lazy({ address }) });
  const lines: object[] = [];
  const waiting = await testApi();
  const orchestrator = temporalOrchestrator(client, {
    factsOf: (id) => startFactsOf(waiting.database, id),
    log: { warn: (fields) => void lines.push(fields) },
  });
  const api = await testApi({ orchestrator, project: PROJECT });
  const began = Date.now();
  const answer = await api.call('POST', '/v1/requests', deletionOf([user('canary-waits')]));
  const id = textOf(answer, 'id');
  expect(answer.status).toBe(202);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(lines).toEqual([{ action: 'start', id, code: expect.stringMatching(/^(unavailable|deadline_exceeded)$/) }]);
  const [row] =
    await api.sql`SELECT status, attended_at = received_at AS untouched FROM lethe.requests WHERE id = ${id}`;
  expect(row).toEqual({ status: 'received', untouched: true });

  expect((await api.call('POST', `/v1/requests/${id}/cancel`, {})).status).toBe(202);
  expect(lines).toHaveLength(2);
  expect((await api.call('GET', `/v1/requests/${id}/progress`)).json).toMatchObject({ id, batches: [], live: null });
  expect((await api.call('GET', '/readyz')).json).toMatchObject({ ready: true, temporal: 'away' });
  expect(JSON.stringify(lines) + api.log.join('')).not.toContain('canary');
});
