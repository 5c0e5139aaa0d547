import { randomUUID } from 'node:crypto';
import type { ConfigError, InspectOptions } from '../connector.ts';
import { type CallOptions, createApi, withoutLanes } from './calls/api.ts';
import { HttpError, runFunction } from './failure.ts';
import type { Context } from './verbs/context.ts';

/** A check is one harmless call, and must not keep a start waiting. */
const LONGEST_CHECK_MS = 60_000;

/** Calls the system once. A refusal is a config error at the part of the configuration that causes it. */
export async function inspect(opened: Context, { context }: InspectOptions = {}): Promise<readonly ConfigError[]> {
  if (context !== undefined) return check(opened, { context, lane: 'read', keyOf: () => randomUUID() });
  try {
    return await check(opened, withoutLanes(AbortSignal.timeout(LONGEST_CHECK_MS)));
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError('timeout');
  }
}

async function check({ settings, api }: Context, call: CallOptions): Promise<readonly ConfigError[]> {
  try {
    await runFunction(call.context.signal, () => settings.check(createApi(api, call)));
    return [];
  } catch (error) {
    if (!(error instanceof HttpError) || error.retryable) throw error;
    return [{ path: placeOf(error), message: error.message }];
  }
}

function placeOf({ reason, status }: HttpError): string {
  if (status === 401 || status === 403 || reason === 'no_token') return 'auth';
  return reason === 'private_address' || reason === 'redirect' ? 'at' : 'check';
}
