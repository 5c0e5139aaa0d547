import { expect, test } from 'vitest';
import { archives } from '../../support/archives.ts';
import { makeReady, submitExport } from '../exports/exports.ts';
import { type Answer, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const exported = await submitExport(api, [user('u-1')]);
await makeReady(api, storage, exported, Buffer.from('an archive'));

const hold = { project: 'demo', kind: 'user', identities: [user('u-1')], caseRef: 'C-1', heldBy: 'counsel' };
const suppression = { project: 'demo', kind: 'user', identity: user('u-1') };
/** Each operation that creates something: two bodies, the table, and the secret of the response. */
const OPERATIONS = [
  ['/v1/holds', hold, { ...hold, caseRef: 'C-2' }, 'holds', null],
  ['/v1/suppressions', suppression, { ...suppression, identity: user('u-2') }, 'suppressions', null],
  ['/v1/members', { name: 'bob', role: 'admin' }, { name: 'carol', role: 'admin' }, 'members', 'token'],
  ['/v1/tokens', { name: 'job' }, { name: 'other' }, 'tokens', 'token'],
  ['/v1/webhooks', { url: 'https://hooks.test/a' }, { url: 'https://hooks.test/b' }, 'webhooks', 'secret'],
  [`/v1/requests/${exported}/links`, {}, { expiresIn: 60 }, 'links', 'url'],
] as const;

const count = async (table: string) => (await api.sql`SELECT FROM ${api.sql(`lethe.${table}`)}`).count;
const post = (path: string, body: unknown, key: string) => api.call('POST', path, body, { 'Idempotency-Key': key });

/** The response with null in place of its secret. */
function withoutSecret({ json }: Answer, secret: string | null): unknown {
  const hide = (value: object, name: string) => ({ ...value, [name]: null });
  const { token, ...rest } = json as { token?: unknown };
  if (typeof token === 'object' && token !== null) return { ...rest, token: hide(token, 'token') };
  return secret === null ? json : hide(json as object, secret);
}

test.each(OPERATIONS)(
  'creates one object for repeated calls to %s and shows its secret once',
  async (path, body, other, table, secret) => {
    const before = await count(table);
    const key = crypto.randomUUID();
    const first = await post(path, body, key);
    const again = await post(path, body, key);
    expect(again.status).toBe(first.status);
    expect([first, again].map(({ headers }) => headers.get('Idempotency-Replayed'))).toEqual([null, 'true']);
    expect(again.json).toEqual(withoutSecret(first, secret));
    expect(again.headers.get('Location')).toBe(first.headers.get('Location'));
    const reused = await post(path, other, key);
    expect(reused.json).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    expect(await count(table)).toBe(before + 1);
    const [kept] = await api.sql<
      { kept: string }[]
    >`SELECT string_agg(response::text, ' ') AS kept FROM lethe.idempotency_keys`;
    expect(kept?.kept).not.toMatch(/lethe_[0-9a-f]{8}|whsec_|\/download\/|u-1/);
  },
);

test('rejects the key of another operation and keeps no key of a rejected call', async () => {
  const key = crypto.randomUUID();
  expect((await post('/v1/members', { name: 'bob', role: 'admin' }, key)).json).toMatchObject({
    code: 'member_exists',
  });
  const created = await post('/v1/tokens', { name: 'job' }, key);
  expect([created.status, created.headers.get('Idempotency-Replayed')]).toEqual([201, null]);
  expect((await post('/v1/holds', hold, key)).json).toMatchObject({ code: 'idempotency_key_reused' });
});

test('creates one hold for 20 concurrent calls', async () => {
  const before = await count('holds');
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('/v1/holds', hold, 'concurrent')));
  const placed = answers.filter(({ status }) => status === 201);
  expect(new Set(placed.map((answer) => textOf(answer, 'id'))).size).toBe(1);
  expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
  expect(await count('holds')).toBe(before + 1);
});
