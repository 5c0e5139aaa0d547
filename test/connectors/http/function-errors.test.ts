import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Api, path, refused, unavailable } from '../../../connectors/http/index.ts';
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

describe('an error of a function', () => {
  test('loses its text, also when it is a ConnectorError of another kind', async () => {
    const thrown = await failure(async () => {
      throw new Error('ann@example.com is unknown');
    });
    expect(thrown).toEqual({
      code: 'refused',
      reason: 'function_failed',
      status: null,
      retryable: false,
      message: "an error in the configuration's own function",
    });
  });

  test('keeps a literal name and takes no other text', async () => {
    expect(await failure(async () => Promise.reject(refused('conflict_names_nothing')))).toMatchObject({
      code: 'refused',
      retryable: false,
      message: 'refused conflict_names_nothing',
    });
    expect(await failure(async () => Promise.reject(unavailable('still_busy', 5_000)))).toMatchObject({
      code: 'unavailable',
      retryable: true,
    });
    const dynamic = `ann@example.com`.toString();
    // @ts-expect-error A text that is not a literal could be an identity.
    const error = refused(dynamic);
    expect(error.message).toBe('refused');
  });

  test('throws the reason of a cancellation', async () => {
    const reason = new Error('the activity was cancelled');
    const controller = new AbortController();
    context = testContext(controller.signal);
    server.onCall = () => controller.abort(reason);
    server.faults.set(1, 'hang');
    await expect(call((api) => api.get(path`/x`))).rejects.toBe(reason);
  });

  test('passes an error of the caller unchanged', async () => {
    const lost = new Error('the ledger is away');
    context.waitForSlot = () => Promise.reject(lost);
    await expect(call((api) => api.get(path`/x`), { pace: [{ perDay: 1 }] })).rejects.toBe(lost);
    expect(server.calls).toEqual([]);
  });
});
