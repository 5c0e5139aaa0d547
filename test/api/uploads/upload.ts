import { expect } from 'vitest';
import { assertConforms } from '../openapi/document.ts';
import { type Answer, bearerOf, type TestApi } from '../support/api.ts';

type Body = string | Uint8Array<ArrayBuffer> | FormData | ReadableStream<Uint8Array>;

export const PARAMETERS = { project: 'demo', kind: 'deletion', regulation: 'gdpr', subjects: 'user', type: 'user_id' };

/** Undefined removes a default parameter. */
export type Parameters = Readonly<Record<string, string | undefined>>;

const withDefaults = (parameters: Parameters): [string, string][] =>
  Object.entries({ ...PARAMETERS, ...parameters }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );

export const queryOf = (parameters: Parameters): string => new URLSearchParams(withDefaults(parameters)).toString();

/** Uploads a file as the body, with the parameters in the query. */
export const upload = (api: TestApi, file: Body, parameters: Parameters = {}, headers: Record<string, string> = {}) =>
  send(api, `/v1/uploads?${queryOf(parameters)}`, file, { 'Content-Type': 'text/csv', ...headers });

/** Uploads a form with the parameters as fields and the file as the last part. */
export function uploadForm(
  api: TestApi,
  file: string,
  parameters: Parameters = {},
  headers: Record<string, string> = {},
) {
  const form = new FormData();
  for (const [name, value] of withDefaults(parameters)) form.append(name, value);
  form.append('file', new File([file], 'people.csv', { type: 'text/csv' }));
  return send(api, '/v1/uploads', form, headers);
}

export async function send(api: TestApi, path: string, body: Body, headers: Record<string, string>): Promise<Answer> {
  const method = 'POST';
  const init = {
    method,
    body,
    duplex: 'half' as const,
    headers: { ...bearerOf(api.owner), ...headers },
  };
  const response = await api.app.request(path, init, { incoming: { socket: api.peer } });
  const text = await response.text();
  const json: unknown = JSON.parse(text);
  await assertConforms(api.app, { method, path, status: response.status, headers: response.headers, json });
  return { status: response.status, headers: response.headers, text, json };
}

type Piece = string | Uint8Array | (() => string);

/** A body that arrives in chunks, each created on demand. `then` decides whether it ends or fails. */
export function streamOf(pieces: readonly Piece[], then: 'ends' | 'breaks' = 'ends') {
  const encoder = new TextEncoder();
  const left = [...pieces];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      const piece = typeof next === 'function' ? next() : next;
      if (piece !== undefined) controller.enqueue(typeof piece === 'string' ? encoder.encode(piece) : piece);
      else if (then === 'ends') controller.close();
      else controller.error(new Error('connection lost'));
    },
  });
}

/** Part of every rejected file. No response may repeat it. */
export const CANARY = 'canary-5e1d';

export const requestCount = async ({ database }: TestApi): Promise<number> =>
  (await database.$client`SELECT FROM lethe.requests`).length;

/** Checks that a call is rejected and that nothing is stored or started. Returns the body of the response. */
export async function expectRejected(api: TestApi, call: () => ReturnType<typeof upload>): Promise<unknown> {
  const before = await requestCount(api);
  const started = api.orchestrator.started.length;
  const answer = await call();
  expect(answer.status).not.toBe(202);
  expect(answer.text).not.toContain(CANARY);
  expect([await requestCount(api), api.orchestrator.started.length]).toEqual([before, started]);
  return answer.json;
}
export const requestError = (pointer: string, code: string, place = 'query') => ({
  status: 422,
  code: 'invalid_request',
  errors: [{ in: place, pointer, code }],
});
