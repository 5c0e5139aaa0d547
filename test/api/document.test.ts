import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { problemsPage } from '../../api/problems.ts';
import { ERROR_STATUS } from '../../domain/errors.ts';
import { assertSchema } from './document.ts';
import { testApi } from './support.ts';

const api = await testApi();

interface Operation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly responses: Record<string, { description: string }>;
  readonly requestBody?: { required: boolean };
}
const document = (await api.call('GET', '/openapi.json')).json as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);

test('the document is OpenAPI 3.1 and has every route of the first API, each with a name of its own', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(operations.map(({ name }) => name).toSorted()).toEqual(
    [
      'POST /v1/requests',
      'GET /v1/requests',
      'GET /v1/requests/{id}',
      'GET /v1/requests/{id}/subjects',
      'GET /v1/requests/{id}/progress',
      'POST /v1/requests/{id}/cancel',
      'POST /v1/requests/{id}/expedite',
      'POST /v1/requests/{id}/retry',
      'POST /v1/requests/{id}/skip',
      'GET /v1/requests/{id}/receipt',
      'POST /v1/subjects/lookup',
      'POST /v1/holds',
      'DELETE /v1/holds/{id}',
      'POST /v1/suppressions',
      'DELETE /v1/suppressions',
      'GET /healthz',
      'GET /readyz',
    ].toSorted(),
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(operations.length);
});

test('every code of the closed list is told of by some route, or is said by none', () => {
  const told = operations
    .flatMap(({ operation }) => Object.values(operation.responses).map((one) => one.description))
    .join();
  const nowhere = Object.keys(ERROR_STATUS).filter((code) => !told.includes(`\`${code}\``));
  expect(nowhere).toEqual(['not_found', 'method_not_allowed']);
});

test('no body is optional: an empty request is refused, not taken for {}', () => {
  const optional = operations.filter(({ operation }) => operation.requestBody?.required === false);
  expect(optional).toEqual([]);
  expect(operations.filter(({ operation }) => operation.requestBody?.required === true)).toHaveLength(9);
});

test('docs/problems.md explains every code, as /docs/problems does', async () => {
  const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');
  expect(page).toBe(problemsPage());
  for (const [code, status] of Object.entries(ERROR_STATUS)) expect(page).toContain(`## ${code}\n\n**${status} `);
  const served = await api.call('GET', '/v1/requests', undefined, { Authorization: '' });
  expect(served.json).toMatchObject({ type: '/docs/problems#unauthorized' });
});

test('the check that holds every answer of these tests against the document can fail', () => {
  const ready = { ready: true, database: 'reachable', schema: 'current', temporal: 'away' };
  const schema = { $ref: '#/components/schemas/Readiness' };
  const check = (value: unknown) => () => assertSchema(document as never, schema, value, 'readyz');
  expect(check(ready)).not.toThrow();
  expect(check({ ...ready, extra: 1 })).toThrow('does not conform');
  expect(check({ ...ready, database: 'gone' })).toThrow('does not conform');
  expect(check({ ready: true })).toThrow('does not conform');
});

test('nothing of the API is cached, framed or sniffed, and each answer names its request', async () => {
  const answer = await api.call('GET', '/v1/requests?project=demo', undefined, { 'X-Request-Id': 'canary-id' });
  expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
  expect(answer.headers.get('Cache-Control')).toBe('no-store');
  expect(answer.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(api.log.join('')).toContain(answer.headers.get('X-Request-Id'));
});
