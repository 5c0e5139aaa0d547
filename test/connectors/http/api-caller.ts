import { type Api, HttpError } from '../../../connectors/http/index.ts';
import type { AnyHttpSettings } from '../../../connectors/http/settings.ts';
import { batchOf, openAt, settingsAt, testContext, testDeletion } from './fixture.ts';

/** Calls a function with the api of a connector, as `erase` of one range. */
export async function callApi<Result>(
  url: string,
  work: (api: Api) => Promise<Result>,
  changes: Partial<AnyHttpSettings> = {},
  context = testContext(),
): Promise<Result> {
  const results: Result[] = [];
  const settings = settingsAt(url, { ...changes, erase: async (api) => void results.push(await work(api)) });
  const connector = openAt(settings, { timeoutMs: 500 });
  try {
    await connector.hardDelete(batchOf(1), testDeletion(), context);
  } finally {
    await connector.close();
  }
  const [result] = results;
  if (result === undefined) throw new Error('the function was not called');
  return result;
}

/** What `callApi` throws. Null: it succeeds. */
export async function errorOf(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HttpError)) return error;
  const { code, reason, status, retryable, message } = error;
  return { code, reason, status, retryable, message };
}
