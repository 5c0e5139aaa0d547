import { createApi } from './calls/api.ts';
import type { ConfigError } from '../connector.ts';
import { HttpError, runFunction } from './failure.ts';
import type { Context } from './verbs/context.ts';

/** A check is one harmless call, and must not keep a start waiting. */
const LONGEST_CHECK_MS = 60_000;

/** Calls the system once. A refusal is a config error at the part of the configuration that causes it. */
export async function inspect({ settings, api: options }: Context): Promise<readonly ConfigError[]> {
  const signal = AbortSignal.timeout(LONGEST_CHECK_MS);
  const context = {
    signal,
    heartbeat: () => {},
    waitForSlot: () => Promise.resolve(),
    postponeLane: () => Promise.resolve(),
  };
  const api = createApi(options, { context, lane: null, keyOf: () => '' });
  try {
    await runFunction(signal, () => settings.check(api));
    return [];
  } catch (error) {
    if (!(error instanceof HttpError)) throw new HttpError('timeout');
    if (error.retryable) throw error;
    return [{ path: placeOf(error), message: error.message }];
  }
}

function placeOf({ reason, status }: HttpError): string {
  if (status === 401 || status === 403 || reason === 'no_token') return 'auth';
  return reason === 'private_address' || reason === 'redirect' ? 'at' : 'check';
}
