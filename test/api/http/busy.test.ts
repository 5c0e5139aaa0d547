import { request as send } from 'node:http';
import { expect, test } from 'vitest';
import { listen } from '../../../api/http/http-server.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { bearerOf, deletionOf, submitDeletion, testApi, user } from '../support/api.ts';

const HOLD = { project: 'demo', kind: 'user', identities: [user('canary')], caseRef: 'C-7', heldBy: 'counsel' };

/** An API whose connections time out soon, and the lock of its project, held until `release`. */
async function givenHeldLock() {
  const api = await testApi({ timeouts: { statementMs: 2_000, lockMs: 200 } });
  const requestId = await submitDeletion(api, [user('canary-before')]);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: acquired, resolve: markAcquired } = Promise.withResolvers<void>();
  const holding = withProjectLock(api.database, 'demo', async () => {
    markAcquired();
    await released;
  });
  await acquired;
  return { api, requestId, release: () => (release(), holding) };
}
const linesOf = (log: readonly string[]) => log.map((line) => JSON.parse(line) as Record<string, unknown>);
const countsOf = async (api: Awaited<ReturnType<typeof testApi>>) => {
  const [counts] =
    await api.sql`SELECT (SELECT count(*) FROM lethe.requests) AS requests, (SELECT count(*) FROM lethe.holds) AS holds,
    (SELECT count(*) FROM lethe.submitted_identities WHERE withdrawn_at IS NOT NULL) AS withdrawn`;
  return counts;
};

test('returns 503 with Retry-After and changes nothing when the lock of the project is held for too long', async () => {
  const { api, requestId, release } = await givenHeldLock();
  const calls = [
    ['POST', '/v1/requests', '/v1/requests', deletionOf([user('canary-b')], { onConflict: 'reject' })],
    ['POST', `/v1/requests/${requestId}/cancel`, '/v1/requests/:id/cancel', {}],
    ['POST', '/v1/holds', '/v1/holds', HOLD],
  ] as const;
  for (const [method, path, route, body] of calls) {
    api.log.length = 0;
    const answer = await api.call(method, path, body);
    expect(answer.json).toMatchObject({
      status: 503,
      code: 'busy',
      detail:
        'The call waited too long for another change, or took too long. Nothing was changed; retry it after the seconds in Retry-After.',
    });
    expect(answer.headers.get('Retry-After')).toBe('5');
    const instance = answer.headers.get('X-Request-Id');
    expect(linesOf(api.log)).toContainEqual(
      expect.objectContaining({
        requestId: instance,
        route,
        code: '55P03',
        msg: 'call cut off by a timeout of the database',
      }),
    );
    expect(api.log.join('')).not.toContain('canary');
  }
  expect(await countsOf(api)).toEqual({ requests: 1, holds: 0, withdrawn: 0 });
  // An acceptance does not wait for the lock.
  await submitDeletion(api, [user('canary-a')]);
  expect((await api.call('GET', `/v1/requests/${requestId}`)).status).toBe(200);
  await release();
  expect((await api.call('POST', '/v1/holds', HOLD)).status).toBe(201);
});

test('returns 503 when a statement takes too long', async () => {
  const api = await testApi({ timeouts: { statementMs: 200, lockMs: 0 } });
  const requestId = await submitDeletion(api, [user('canary-slow')]);
  await api.sql.begin(async (tx) => {
    await tx`LOCK TABLE lethe.attention`;
    const answer = await api.call('GET', `/v1/requests/${requestId}`);
    expect(answer.json).toMatchObject({ status: 503, code: 'busy' });
    expect(api.log.join('')).toContain('57014');
  });
  expect((await api.call('GET', `/v1/requests/${requestId}`)).status).toBe(200);
});

test('logs the call of a caller who disconnects while it waits', async () => {
  const { api, release } = await givenHeldLock();
  const server = await listen(api.app, { host: '127.0.0.1', port: 0 });
  api.log.length = 0;
  const headers = { ...bearerOf(api.owner.token), 'Content-Type': 'application/json' };
  const call = send(`${server.url}/v1/holds`, { method: 'POST', headers });
  call.on('error', () => undefined);
  call.end(JSON.stringify(HOLD));
  await expect
    .poll(
      async () =>
        (
          await api.sql`SELECT FROM pg_locks WHERE locktype = 'tuple' AND relation = 'lethe.projects'::regclass
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
        ).length,
    )
    .toBe(1);
  call.destroy();
  await expect
    .poll(() => linesOf(api.log))
    .toContainEqual(
      expect.objectContaining({
        level: 40,
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        method: 'POST',
        route: '/v1/holds',
        code: 'caller_disconnected',
      }),
    );
  expect(api.log.join('')).not.toContain('canary');
  await release();
  await server.drain();
});
