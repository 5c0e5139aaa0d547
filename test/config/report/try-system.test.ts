import { afterAll, beforeEach, expect, test } from 'vitest';
import { readDeployment } from '../../../config/deployment.ts';
import { trySystem } from '../../../config/report/try-system.ts';
import type { ConnectorDefinition } from '../../../connectors/connector.ts';
import { http, path, verifyAgain } from '../../../connectors/http/index.ts';
import { postgres } from '../../../connectors/postgres/index.ts';
import { newsletter } from '../../connectors/http/example/newsletter.ts';
import { startNewsletter } from '../../connectors/http/example/server.ts';

const TOKEN = 'canary-token';
const { server, contacts, deletions } = await startNewsletter({ c1: 'ann@x.test' }, TOKEN);
const place = { at: server.url, allowPrivate: ['127.0.0.1'] };
beforeEach(() => server.clear());
afterAll(() => server.close());

const attempt = (x: ConnectorDefinition, given: Parameters<typeof trySystem>[3] = null, secret = TOKEN) =>
  trySystem(
    readDeployment({
      projects: {
        demo: {
          policy: { deadline: { gdpr: '30 days' } },
          directory: 'app',
          systems: { app: postgres({ url: { env: 'APP' }, kinds: { user: { table: 'users', key: 'user_id' } } }), x },
        },
      },
    }),
    'demo',
    'x',
    given,
    () => secret,
  );

test('calls only what changes nothing, for an identity that cannot exist', async () => {
  expect(await attempt(newsletter(place))).toEqual([
    { kind: 'user', verb: 'check', result: 'no config errors', outcome: 'fine' },
    { kind: 'user', verb: 'count', result: '0 rows', outcome: 'fine' },
    { kind: 'user', verb: 'verify', result: '0 rows', outcome: 'fine' },
    { kind: 'user', verb: 'export', result: '0 rows of 1 table', outcome: 'fine' },
  ]);
  expect(new Set(server.calls.map(({ method, path: at }) => `${method} ${at}`))).toEqual(
    new Set(['GET /v1/account', 'POST /v1/contacts/search']),
  );
  expect(server.calls.filter(({ body }) => body !== '').every(({ body }) => body.includes('@check.invalid'))).toBe(
    true,
  );
});

test('counts for a given identity and deletes nothing', async () => {
  const tried = await attempt(newsletter(place), { kind: 'user', identity: { type: 'email', value: ['ANN@x.test'] } });
  expect(tried.map(({ result }) => result)).toEqual(['no config errors', '1 row', '1 row', '1 row of 1 table']);
  expect([deletions, contacts.size]).toEqual([[], 1]);
  expect(JSON.stringify(tried)).not.toContain('ann');
  const unknown = attempt(newsletter(place), { kind: 'user', identity: { type: 'phone', value: ['1'] } });
  await expect(unknown).rejects.toThrow('the user identity is invalid: unknown_type. Types: email');
});

test('reports a search that finds people by an identity that cannot exist', async () => {
  const fuzzy = http({
    ...place,
    version: '1',
    kinds: { user: { identities: { device: { match: 'uuid' }, number: { match: 'integer' } }, batchSize: 1 } },
    completesWithin: '1 day',
    check: async () => {},
    erase: (api) => api.delete(path`/v1/contacts`),
    count: async (_api, people) => people.map(({ seq }) => seq),
    left: async () => verifyAgain('1 hour'),
  });
  expect(await attempt(fuzzy)).toMatchObject([
    { verb: 'check' },
    { verb: 'count', outcome: 'wrong' },
    { result: 'answers later', outcome: 'fine' },
  ]);
  expect(server.calls).toEqual([]);
});

test('ends after a check that fails, and tells a refusal from an outage', async () => {
  expect(await attempt(newsletter(place), null, 'wrong')).toEqual([
    { kind: 'user', verb: 'check', result: 'auth: the system answered 401', outcome: 'wrong' },
  ]);
  server.clear();
  server.faults.set(1, { status: 503 });
  expect(await attempt(newsletter(place))).toEqual([
    { kind: 'user', verb: 'check', result: 'unavailable: the system answered 503', outcome: 'away' },
  ]);
  server.clear();
  server.faults.set(2, 'garbage');
  expect(await attempt(newsletter(place))).toMatchObject([
    {},
    { verb: 'count', outcome: 'away' },
    { verb: 'verify', outcome: 'fine' },
    {},
  ]);
});
