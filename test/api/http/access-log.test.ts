import { pino } from 'pino';
import { beforeAll, expect, test } from 'vitest';
import { archives, PUBLIC_URL } from '../../support/archives.ts';
import { createApp } from '../../../api/app.ts';
import type { Call } from '../../../api/http/metrics.ts';
import {
  submitDeletion,
  bearerOf,
  CATALOG,
  deletionOf,
  KEYS,
  START,
  testApi,
  type TestApi,
  user,
} from '../support/api.ts';

let api: TestApi;
let requestId: string;
let otherRequestId: string;
beforeAll(async () => {
  api = await testApi();
  requestId = await submitDeletion(api, [user('canary-a')]);
  otherRequestId = await submitDeletion(api, [user('canary-b')], { project: 'other' });
});

/** The one log line of a call. Checks it against the one observation. */
async function traceOf(method: string, path: string, token: string | null = api.owner.token, body?: unknown) {
  const { database, orchestrator, peer } = api;
  const lines: string[] = [];
  const calls: Call[] = [];
  const app = createApp({
    database,
    keys: KEYS,
    catalog: CATALOG,
    orchestrator,
    now: () => START,
    storage: archives(),
    publicUrl: PUBLIC_URL,
    logger: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    observe: (call) => calls.push(call),
  });
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = {
    'Content-Type': 'application/json',
    ...(token === null ? {} : bearerOf(token)),
  };
  const answer = await app.request(path, { method, headers, ...sent }, { incoming: { socket: peer } });
  const completed = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === 'request completed');
  expect([completed.length, calls.length]).toEqual([1, 1]);
  const { requestId: instance, ms, ...line } = completed[0] ?? {};
  expect(instance).toBe(answer.headers.get('X-Request-Id'));
  expect(ms).toEqual(expect.any(Number));
  const { seconds, ...call } = calls[0] ?? { seconds: -1 };
  expect(seconds).toBeGreaterThanOrEqual(0);
  expect(line).toMatchObject(call);
  expect(lines.join('')).not.toMatch(/canary|lethe_[0-9a-f]{64}/);
  return line;
}

test('logs the pattern of the route and the ids of the request, the member and the token', async () => {
  expect(await traceOf('GET', `/v1/requests/${requestId}/subjects?limit=1`)).toMatchObject({
    method: 'GET',
    route: '/v1/requests/:id/subjects',
    status: 200,
    id: requestId,
    member: api.owner.memberId,
    token: api.owner.tokenId,
  });
  const created = await traceOf('POST', '/v1/requests', api.owner.token, deletionOf([user('canary-c')]));
  expect(created).toMatchObject({ route: '/v1/requests', status: 202, member: api.owner.memberId });
  const holds = { project: 'demo', kind: 'user', identities: [user('canary-d')], caseRef: 'C-7', heldBy: 'counsel' };
  expect(await traceOf('POST', '/v1/holds', api.owner.token, holds)).toMatchObject({ route: '/v1/holds', status: 201 });
});

test('logs a call for a request of another project like a call for an unknown request', async () => {
  for (const id of [otherRequestId, `req_${'0'.repeat(32)}`])
    expect(await traceOf('GET', `/v1/requests/${id}`)).toMatchObject({ route: '/v1/requests/:id', status: 404, id });
  const path = '/v1/requests/canary-no-id/cancel';
  const line = await traceOf('POST', path, api.owner.token, { reason: 'canary' });
  expect(line).toMatchObject({ route: '/v1/requests/:id/cancel', status: 404, member: api.owner.memberId });
  expect(line).not.toHaveProperty('id');
});

test('does not log a member or any part of the token when the token is rejected', async () => {
  for (const token of [null, 'canary', api.owner.token.replace(/.$/, 'x')]) {
    const line = await traceOf('GET', `/v1/requests/${requestId}`, token);
    expect(line).toMatchObject({ route: '/v1/requests/:id', status: 401 });
    expect(line).not.toHaveProperty('member');
    expect(line).not.toHaveProperty('token');
  }
});

test('logs no route for an unknown path or method', async () => {
  for (const path of ['/canary', '/v1/canary', `/v1/requests/${requestId}/canary`, '/v1/holds/canary/canary'])
    expect(await traceOf('GET', path)).toMatchObject({ route: null, status: 404 });
  expect(await traceOf('DELETE', '/v1/requests')).toMatchObject({ route: null, status: 405, method: 'DELETE' });
  expect(await traceOf('GET', '/healthz', null)).toMatchObject({ route: '/healthz', status: 200 });
});
