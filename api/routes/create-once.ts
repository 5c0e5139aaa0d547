import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Queries } from '../../db/client.ts';
import { respondOnce, type StoredResponse } from '../../db/requests/idempotency.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { toReplayable } from './requests/create/parse.ts';
import type { idempotencyHeaders } from './requests/create/schema.ts';

/** A call that creates something. `stored` is the response without its secrets, which are shown once and never stored. */
interface Creation<Output extends StoredResponse> {
  readonly headers: z.output<typeof idempotencyHeaders>;
  readonly operation: string;
  readonly parameters: unknown;
  readonly schema: z.ZodType<Output>;
  readonly stored?: (response: Output) => StoredResponse;
}

/** Creates an object, or returns the response to the first call with the same `Idempotency-Key`, without its secrets. */
export async function createOnce<Output extends StoredResponse>(
  c: Context<AppEnv>,
  deps: ApiDeps,
  { headers, operation, parameters, schema, stored = (response) => response }: Creation<Output>,
  create: (queries: Queries) => Promise<object>,
): Promise<Output> {
  // Timestamps become text, as in the response.
  const respond = async (queries: Queries): Promise<Output> =>
    schema.parse(JSON.parse(JSON.stringify(await create(queries))));
  const replayable = toReplayable(headers, operation, parameters);
  if (replayable === null) return respond(deps.database);
  const call = { ...replayable, memberId: c.get('caller').memberId, at: deps.now() };
  const answer = await respondOnce(deps.database, deps.keys, call, async (tx) => {
    const response = await respond(tx);
    return { response, stored: stored(response) };
  });
  if ('response' in answer) return answer.response;
  c.header('Idempotency-Replayed', 'true');
  return schema.parse(answer.replayed);
}
