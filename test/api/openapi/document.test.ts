import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { MISSING_EXAMPLE } from '../../../api/openapi/examples.ts';
import type { OpenApi } from '../../../api/openapi/shape.ts';
import { problemsPage } from '../../../api/http/problems.ts';
import { ERROR_STATUS } from '../../../domain/errors.ts';
import { assertSchema } from './document.ts';
import { testApi } from '../support/api.ts';

const api = await testApi();

const served = await api.call('GET', '/openapi.json');
const document = served.json as OpenApi;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);
const withToken = operations.filter(({ operation }) => operation.security?.length !== 0);

test('lists every route as OpenAPI 3.1 with a unique operation ID', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(operations.map(({ name, operation }) => `${operation.operationId} ${name}`)).toEqual([
    'checkLiveness GET /healthz',
    'checkReadiness GET /readyz',
    'createRequest POST /v1/requests',
    'listRequests GET /v1/requests',
    'uploadSubjects POST /v1/uploads',
    'getRequest GET /v1/requests/{id}',
    'listSubjects GET /v1/requests/{id}/subjects',
    'listFailures GET /v1/requests/{id}/failures',
    'getProgress GET /v1/requests/{id}/progress',
    'confirmRequest POST /v1/requests/{id}/confirm',
    'cancelRequest POST /v1/requests/{id}/cancel',
    'expediteRequest POST /v1/requests/{id}/expedite',
    'retryRequest POST /v1/requests/{id}/retry',
    'skipSystem POST /v1/requests/{id}/skip',
    'getReceipt GET /v1/requests/{id}/receipt',
    'createLink POST /v1/requests/{id}/links',
    'listLinks GET /v1/requests/{id}/links',
    'revokeLink DELETE /v1/requests/{id}/links/{linkId}',
    'destroyArchive DELETE /v1/requests/{id}/archive',
    'listRequestActivity GET /v1/requests/{id}/log',
    'lookUpSubject POST /v1/subjects/lookup',
    'listHolds GET /v1/holds',
    'placeHold POST /v1/holds',
    'getHold GET /v1/holds/{id}',
    'releaseHold DELETE /v1/holds/{id}',
    'listSuppressions GET /v1/suppressions',
    'placeSuppression POST /v1/suppressions',
    'liftSuppression DELETE /v1/suppressions',
    'getSuppression GET /v1/suppressions/{id}',
    'listSystems GET /v1/systems',
    'getSystem GET /v1/systems/{name}',
    'pauseSystem POST /v1/systems/{name}/pause',
    'resumeSystem POST /v1/systems/{name}/resume',
    'listTasks GET /v1/tasks',
    'getTask GET /v1/tasks/{id}',
    'revealTask POST /v1/tasks/{id}/reveal',
    'completeTask POST /v1/tasks/{id}/done',
    'declineTask POST /v1/tasks/{id}/not-possible',
    'listActivity GET /v1/activity',
    'listMembers GET /v1/members',
    'addMember POST /v1/members',
    'removeMember DELETE /v1/members/{id}',
    'createToken POST /v1/tokens',
    'listTokens GET /v1/tokens',
    'revokeToken DELETE /v1/tokens/{id}',
    'addWebhook POST /v1/webhooks',
    'listWebhooks GET /v1/webhooks',
    'removeWebhook DELETE /v1/webhooks/{id}',
    'rotateWebhookSecret POST /v1/webhooks/{id}/rotate',
    'enableWebhook POST /v1/webhooks/{id}/enable',
    'listDeliveries GET /v1/webhooks/{id}/deliveries',
    'retryDelivery POST /v1/webhooks/{id}/deliveries/{deliveryId}/retry',
  ]);
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(operations.length);
});

test('passes the recommended rules of a public linter, which also validates the examples', async () => {
  const config = await createConfig({
    extends: ['recommended'],
    // /healthz and /readyz have no 4xx response. The next test is stricter for every other operation.
    rules: { 'operation-4xx-response': 'off' },
  });
  const found = await lintFromString({ source: served.text, absoluteRef: 'openapi.json', config });
  expect(found.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`)).toEqual([]);
});

test('lists the authentication errors and rate limit headers of every operation that requires a token', () => {
  const answers = withToken.flatMap(({ name, operation }) =>
    Object.entries(operation.responses).map(([status, { headers = {} }]) => ({ name, status, headers })),
  );
  const incomplete = withToken.filter(({ operation }) => {
    const scopes = operation.security?.flatMap((one) => one['token'] ?? []) ?? [];
    const unlisted = ['401', '403', '429', '500', '503'].filter(
      (status) => !Object.hasOwn(operation.responses, status),
    );
    return scopes.length === 0 || unlisted.length > 0;
  });
  expect(incomplete).toEqual([]);
  expect(answers.filter(({ headers }) => !Object.hasOwn(headers, 'X-Request-Id'))).toEqual([]);
  const withoutBudget = answers.filter(({ headers }) => !Object.hasOwn(headers, 'RateLimit'));
  expect(withoutBudget.map(({ status }) => status)).toEqual(withToken.map(() => '401'));
  expect(operations.length - withToken.length).toBe(2);
});

test('has a complete example for every body and response', () => {
  const media = operations.flatMap(({ name, operation: { requestBody, responses } }) =>
    [requestBody?.content ?? {}, ...Object.values(responses).map(({ content }) => content ?? {})].flatMap((content) =>
      Object.values(content).map(({ examples = {} }) => ({ name, examples })),
    ),
  );
  expect(media.filter(({ examples }) => Object.keys(examples).length === 0)).toEqual([]);
  expect(media.filter(({ examples }) => JSON.stringify(examples).includes(`"${MISSING_EXAMPLE}"`))).toEqual([]);
});

test('uses valid IDs and ordered timestamps in the examples', () => {
  const ids = [...served.text.matchAll(/\b(?:req|hold|sup|mem|tok|link)_[0-9a-f]+/g)].map(([id]) => id);
  expect(ids.length).toBeGreaterThan(20);
  expect(ids.filter((id) => !/^[a-z]+_[0-9a-f]{32}$/.test(id))).toEqual([]);
  const status = document.paths['/v1/requests/{id}']?.['get']?.responses['200']?.content?.['application/json'];
  const example = status?.examples?.['example']?.value as Readonly<Record<string, string>>;
  const [received, resolved, deleted, ended, due] = [
    example['receivedAt'],
    example['resolvedAt'],
    example['hardDeleteAt'],
    example['estimatedCompletionAt'],
    example['dueAt'],
  ].map((at) => Date.parse(at ?? ''));
  expect(received).toBeLessThan(resolved ?? 0);
  expect(resolved).toBeLessThan(deleted ?? 0);
  expect(deleted).toBeLessThan(ended ?? 0);
  expect(ended).toBeLessThan(due ?? 0);
});

test('lists every error code at some operation, except those of unknown paths and methods', () => {
  const listed = operations
    .flatMap(({ operation }) => Object.values(operation.responses).map((one) => one.description))
    .join();
  const unlisted = Object.keys(ERROR_STATUS).filter((code) => !listed.includes(`\`${code}\``));
  // Both concern paths and methods that are not operations.
  expect(unlisted).toEqual(['not_found', 'method_not_allowed']);
});

test('requires a body at every operation that accepts one', () => {
  const optional = operations.filter(({ operation }) => operation.requestBody?.required === false);
  expect(optional).toEqual([]);
  const withBody = operations.filter(({ operation }) => operation.requestBody?.required === true);
  expect(withBody).toHaveLength(19);
});

test('explains every error code in docs/problems.md', async () => {
  const page = readFileSync(new URL('../../../docs/problems.md', import.meta.url), 'utf8');
  expect(page).toBe(problemsPage());
  for (const [code, status] of Object.entries(ERROR_STATUS)) expect(page).toContain(`## ${code}\n\n**${status} `);
  const rejected = await api.call('GET', '/v1/requests', undefined, { Authorization: '' });
  expect(rejected.json).toMatchObject({ type: '/docs/problems#unauthorized' });
});

test('rejects a response that does not conform to the document', () => {
  const ready = { ready: true, database: 'reachable', schema: 'current', temporal: 'away' };
  const schema = { $ref: '#/components/schemas/Readiness' };
  const check = (value: unknown) => () => assertSchema(document, schema, value, 'checkReadiness');
  expect(check(ready)).not.toThrow();
  expect(check({ ...ready, extra: 1 })).toThrow('does not conform');
  expect(check({ ...ready, database: 'gone' })).toThrow('does not conform');
  expect(check({ ready: true })).toThrow('does not conform');
});

test('sets the security headers and a request ID that does not come from the caller', async () => {
  const answer = await api.call('GET', '/v1/requests?project=demo', undefined, { 'X-Request-Id': 'canary-id' });
  expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
  expect(answer.headers.get('Cache-Control')).toBe('no-store');
  expect(answer.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(api.log.join('')).toContain(answer.headers.get('X-Request-Id'));
});
