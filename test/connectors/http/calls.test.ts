import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Deferral } from '../../../connectors/connector.ts';
import { type Api, type HttpError, path } from '../../../connectors/http/index.ts';
import type { AnyHttpSettings } from '../../../connectors/http/settings.ts';
import { startFaultyServer } from '../../support/servers/faulty.ts';
import { callApi, errorOf } from './api-caller.ts';
import { type TestContext, testContext } from './fixture.ts';

const server = await startFaultyServer();
let context: TestContext;
beforeEach(() => {
  server.clear();
  server.reply = () => ({ status: 200, json: { ok: true } });
  context = testContext();
});
afterAll(() => server.close());

const call = <Result>(work: (api: Api) => Promise<Result>, changes: Partial<AnyHttpSettings> = {}): Promise<Result> =>
  callApi(server.url, work, changes, context);
const failure = (work: (api: Api) => Promise<unknown>, changes: Partial<AnyHttpSettings> = {}): Promise<unknown> =>
  errorOf(call(work, changes));

describe('a call', () => {
  test('encodes every value of a path and sends query, headers and JSON', async () => {
    const answer = await call(
      (api) =>
        api.post(path`/v3/users/${'a/b?c=../d#e'}/x`, {
          query: { q: 'ä b', list: ['1', '2'] },
          json: { id: 'u' },
          headers: { 'X-One': '1' },
        }),
      { headers: { 'X-Api-Version': '2' } },
    );
    expect(answer.json).toEqual({ ok: true });
    expect(server.calls).toMatchObject([
      {
        method: 'POST',
        path: '/v3/users/a%2Fb%3Fc%3D..%2Fd%23e/x?q=%C3%A4+b&list=1&list=2',
        headers: { 'x-one': '1', 'x-api-version': '2', 'content-type': 'application/json' },
        body: '{"id":"u"}',
      },
    ]);
  });

  test('nests a form as Stripe reads it', async () => {
    await call((api) =>
      api.post(path`/jobs`, { form: { behavior: 'fix', objects: { customers: ['c_1', 'c_2'] }, rows: [{ id: 1 }] } }),
    );
    const pairs = [...new URLSearchParams(server.calls[0]?.body)];
    expect(pairs).toEqual([
      ['behavior', 'fix'],
      ['objects[customers][]', 'c_1'],
      ['objects[customers][]', 'c_2'],
      ['rows[0][id]', '1'],
    ]);
  });

  test('puts the path of the host before every path, and does not leave it', async () => {
    await call((api) => api.get(path`/users`), { at: `${server.url}/base/` });
    expect(server.calls.map((each) => each.path)).toEqual(['/base/users']);
    expect(await failure(async (api) => api.pathOf(`${server.url}/other`), { at: `${server.url}/base` })).toMatchObject(
      { reason: 'foreign_host' },
    );
  });

  test.each([['..'], ['.'], ['']])('refuses %j as a value of a path', async (value) => {
    const expected = { code: 'refused', reason: 'unsafe_path', retryable: false };
    expect(await failure((api) => api.delete(path`/v3/users/${value}`))).toMatchObject(expected);
    expect(server.calls).toEqual([]);
  });

  test('does not leave a path by dots that are encoded or split', async () => {
    await call((api) => api.get(path`/v3/users/${'%2e%2e'}`));
    expect(server.calls.map((each) => each.path)).toEqual(['/v3/users/%252e%252e']);
    expect(await failure((api) => api.get(path`/v3/${'.'}${'.'}/x`))).toMatchObject({ reason: 'unsafe_path' });
    expect(await failure((api) => api.get(path`/v3/%2E%2e/x`))).toMatchObject({ reason: 'unsafe_path' });
    expect(await failure((api) => api.get(path`/v3\\..\\x`))).toMatchObject({ reason: 'unsafe_path' });
  });

  test('does not send a path that is not made with the tag', async () => {
    // @ts-expect-error A plain text could contain a value that is not encoded.
    const withValue = (api: Api) => api.get(`/v3/users/${String(1)}`);
    // @ts-expect-error Neither is an object that looks like a path.
    const lookAlike = (api: Api) => api.get({ text: '/v3/users/1' });
    expect(await failure(withValue)).toMatchObject({ reason: 'untagged_path' });
    expect(await failure(lookAlike)).toMatchObject({ reason: 'untagged_path' });
    expect(server.calls).toEqual([]);
  });

  test('takes a slot of its lane before it is sent', async () => {
    const pace = { erase: [{ perDay: 5 }], read: [{ perHour: 5 }] };
    await call(
      async (api) => {
        await api.get(path`/a`);
        await api.get(path`/b`, { lane: 'read' });
        return api.get(path`/c`, { lane: null });
      },
      { pace },
    );
    expect(context.slots).toEqual(['erase', 'read']);
    expect(server.calls).toHaveLength(3);
  });

  test('sends the same idempotency key for the same call only', async () => {
    const post = (api: Api, json: unknown) => api.post(path`/x`, { json, once: true });
    const work = async (api: Api) => {
      await post(api, 1);
      await post(api, 1);
      return post(api, 2);
    };
    await call(work);
    await call(work);
    const keys = server.calls.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys.slice(0, 3)).size).toBe(3);
    expect(keys.slice(3)).toEqual(keys.slice(0, 3));
    await call((api) => api.get(path`/x`));
    expect(server.calls.at(-1)?.headers['idempotency-key']).toBeUndefined();
  });

  test('answers null for a status that means gone and throws for the same status otherwise', async () => {
    server.reply = () => ({ status: 404, json: {} });
    expect(await call(async (api) => [await api.delete(path`/x`, { gone: [404] })])).toEqual([null]);
    expect(await failure((api) => api.delete(path`/x`))).toEqual({
      code: 'refused',
      reason: 'status',
      status: 404,
      retryable: false,
      message: 'the system answered 404',
    });
    server.reply = () => ({ status: 409, json: { task: 1 } });
    expect(await call(async (api) => (await api.post(path`/x`, { expect: [201, 409] })).json)).toEqual({ task: 1 });
  });

  test('reads a schema and refuses another form without its values', async () => {
    server.reply = () => ({ status: 200, json: { id: 'ann@example.com' } });
    expect(await call(async (api) => (await api.get(path`/x`)).read(z.object({ id: z.string() })))).toEqual({
      id: 'ann@example.com',
    });
    const wrong = await failure(async (api) => (await api.get(path`/x`)).read(z.object({ id: z.number() })));
    expect(wrong).toMatchObject({ reason: 'unexpected_answer', retryable: false });
    expect(JSON.stringify(wrong)).not.toContain('ann');
  });

  test('streams a body that is larger than the limit of other answers', async () => {
    server.reply = () => ({ status: 200, json: 'x'.repeat(5_000) });
    expect(await failure((api) => api.get(path`/x`), { maxAnswerBytes: 1_000 })).toMatchObject({
      reason: 'too_large',
      retryable: false,
    });
    const size = await call(
      async (api) => {
        let bytes = 0;
        for await (const chunk of (await api.get(path`/x`, { as: 'stream' })).body) bytes += chunk.length;
        return bytes;
      },
      { maxAnswerBytes: 1_000 },
    );
    expect(size).toBe(5_002);
  });
});

describe('a system that fails', () => {
  const get = (api: Api) => api.get(path`/x`);

  test.each([
    [{ status: 500 }, { code: 'unavailable', reason: 'server_error', status: 500, retryable: true }],
    [{ status: 503 }, { code: 'unavailable', reason: 'server_error', status: 503, retryable: true }],
    [{ status: 401 }, { code: 'refused', reason: 'status', status: 401, retryable: false }],
    [{ status: 403 }, { code: 'refused', reason: 'status', status: 403, retryable: false }],
    ['hang', { code: 'timeout', reason: 'timeout', retryable: true }],
    ['garbage', { code: 'unavailable', reason: 'not_json', retryable: true }],
    ['half', { code: 'unavailable', retryable: true }],
    ['lose', { code: 'unavailable', reason: 'connection', retryable: true }],
  ] as const)('is an error with a closed code for %j', async (fault, expected) => {
    server.faults.set(1, fault);
    expect(await failure(get)).toMatchObject(expected);
    expect(server.calls).toHaveLength(1);
  });

  test('is unavailable when nothing listens', async () => {
    expect(await failure(get, { at: 'http://127.0.0.1:9' })).toMatchObject({ reason: 'connection', retryable: true });
  });

  test('postpones the lane for all workers and repeats a call that was refused for its rate', async () => {
    server.faults.set(1, { status: 429, headers: { 'retry-after': '1' } });
    const before = Date.now();
    expect((await call(get, { pace: [{ perMinute: 100 }] })).json).toEqual({ ok: true });
    expect(context.postponed).toMatchObject([{ lane: 'all' }]);
    expect(context.postponed[0]?.until.getTime()).toBeGreaterThanOrEqual(before + 1_000);
    expect(context.slots).toEqual(['all', 'all']);
  });

  test.each([
    [429, '3600'],
    [503, '3600'],
    [429, new Date(Date.now() + 3_600_000).toUTCString()],
  ])('throws a retryable error after %d with Retry-After %s', async (status, header) => {
    server.faults.set(1, { status, headers: { 'retry-after': header } });
    const error = await call(get, { pace: { erase: [{ perDay: 9 }] } }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'busy', status, retryable: true });
    const { retryAfterMs = 0 } = error as HttpError;
    expect(Math.round(retryAfterMs / 100_000)).toBe(36);
    expect(context.postponed).toMatchObject([{ lane: 'erase' }]);
    expect(server.calls).toHaveLength(1);
  });

  test('ends with the deferral of its lane instead of an error when the wait is long', async () => {
    const deferral = new Deferral(new Date());
    context.waitForSlot = () => (context.postponed.length === 0 ? Promise.resolve() : Promise.reject(deferral));
    server.faults.set(1, { status: 503, headers: { 'retry-after': '3600' } });
    await expect(call(get)).rejects.toBe(deferral);
    expect(context.postponed).toMatchObject([{ lane: undefined }]);
    expect(server.calls).toHaveLength(1);
  });

  test('is unavailable when it refuses a call for its rate again and again', async () => {
    server.reply = () => ({ status: 429, headers: { 'retry-after': '0' } });
    expect(await failure(get)).toMatchObject({ reason: 'busy', status: 429, retryable: true });
    expect(server.calls).toHaveLength(4);
  });

  test('follows a redirect of a read on the same host and no other', async () => {
    server.faults.set(1, { status: 302, headers: { location: '/y' } });
    expect((await call(get)).json).toEqual({ ok: true });
    expect(server.calls.map((each) => each.path)).toEqual(['/x', '/y']);
    server.clear();
    for (const location of ['http://127.0.0.2:1/y', 'https://example.com/', '//example.com', 'http://169.254.169.254/'])
      for (const [method, status] of [
        ['get', 302],
        ['post', 307],
      ] as const) {
        server.faults.set(server.calls.length + 1, { status, headers: { location } });
        expect(await failure((api) => api[method](path`/x`))).toMatchObject({ reason: 'redirect', retryable: false });
      }
    expect(server.calls.map((each) => each.path)).toEqual(Array.from({ length: 8 }, () => '/x'));
  });

  test('is refused when it redirects without an end', async () => {
    server.reply = () => ({ status: 302, headers: { location: '/x' } });
    expect(await failure(get)).toMatchObject({ reason: 'redirect' });
    expect(server.calls).toHaveLength(4);
  });
});
