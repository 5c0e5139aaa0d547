import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { temporalOrchestrator } from '../../../api/temporal/orchestrator.ts';
import { migrate } from '../../../db/migrate.ts';
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
  const { url, database } = await testApi();
  const orchestrator = temporalOrchestrator(client, {
    database,
    log: { warn: (fields) => void lines.push(fields) },
  });
  const api = await testApi({ url, orchestrator, project: PROJECT });
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
  // No workflow was started, so none is signaled.
  expect(lines).toHaveLength(1);
  expect((await api.call('GET', `/v1/requests/${id}/progress`)).json).toMatchObject({ id, batches: [], live: null });
  expect((await api.call('GET', '/readyz')).json).toMatchObject({ ready: true, temporal: 'away' });
  expect(JSON.stringify(lines) + api.log.join('')).not.toContain('canary');
});

test('returns 202 before the call to a Temporal server that does not answer has ended', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = z.object({ port: z.number() }).parse(silent.address());
  const client = new Client({ connection: Connection.lazy({ address: `127.0.0.1:${port}` }) });
  const lines: object[] = [];
  const log = { warn: (fields: object) => void lines.push(fields) };
  const { url, database } = await testApi();
  const api = await testApi({ url, orchestrator: temporalOrchestrator(client, { database, log, patienceMs: 1 }) });
  const answer = await api.call('POST', '/v1/requests', deletionOf([user('patient')]));
  expect([answer.status, lines]).toEqual([202, []]);
  const [row] = await api.sql`SELECT started_at, dispatch_at IS NOT NULL AS waiting FROM lethe.requests`;
  expect(row).toEqual({ startedAt: null, waiting: true });
  await expect.poll(() => lines, { timeout: 30_000 }).toMatchObject([{ action: 'start', id: textOf(answer, 'id') }]);
  silent.close();
  await client.connection.close();
});
