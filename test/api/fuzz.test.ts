import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accepted, deletionOf, testApi, user } from './support.ts';

const api = await testApi();
const id = await accepted(api, [user('known')]);
const CANARY = 'canary-fuzz';

const identity = { type: 'email', value: [CANARY, 'b'] };
const reason = 'ticket 1';
/** Every route that takes a body, with one that it would accept. */
const ROUTES: readonly (readonly [string, string, object])[] = [
  ['POST', '/v1/requests', deletionOf([user(CANARY), identity], { expedite: { when: 'now', reason } })],
  ['POST', '/v1/requests', { ...deletionOf([]), subjects: { kind: 'user', segment: CANARY } }],
  ['POST', '/v1/requests', deletionOf([user(CANARY)], { onConflict: 'reject', suppress: true })],
  ['POST', `/v1/requests/${id}/cancel`, { positions: [1] }],
  ['POST', `/v1/requests/${id}/expedite`, { when: 'next_run', reason }],
  ['POST', `/v1/requests/${id}/retry`, { processor: 'app', reason }],
  ['POST', `/v1/requests/${id}/skip`, { processor: 'app', reason }],
  ['POST', '/v1/subjects/lookup', { project: 'demo', kind: 'user', identity }],
  ['POST', '/v1/holds', { project: 'demo', kind: 'user', identities: [identity], caseRef: 'C', heldBy: 'c' }],
  ['POST', '/v1/suppressions', { project: 'demo', kind: 'user', identity }],
  ['DELETE', '/v1/suppressions', { project: 'demo', kind: 'user', identity }],
];

const nasty = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '\u0000',
    `${CANARY}\u0000`,
    '\ud800',
    '__proto__',
    'constructor',
    '\u202e',
    'x'.repeat(20_000),
    -0,
    1e308,
    2 ** 53,
  ),
  fc.constantFrom<unknown>([], {}, [[]], [null], { type: 'user_id' }, { value: CANARY }, { length: 5 }),
);

/** A body with one of its members, at any depth, replaced by something else or left out. */
const mutated = (body: unknown): fc.Arbitrary<unknown> => {
  if (typeof body !== 'object' || body === null) return nasty;
  const keys = Object.keys(body);
  if (keys.length === 0) return nasty;
  return fc.oneof(
    { weight: 1, arbitrary: nasty },
    {
      weight: 6,
      arbitrary: fc.constantFrom(...keys).chain((key) =>
        fc.oneof(mutated(Reflect.get(body, key)), fc.constant(undefined)).map((value) => {
          if (Array.isArray(body)) return body.map((item: unknown, index) => (String(index) === key ? value : item));
          return { ...body, [key]: value };
        }),
      ),
    },
  );
};

test('1 500 bodies that are nearly right: no 5xx, no answer outside the document, no name in an answer or the log', async () => {
  const cases = fc
    .constantFrom(...ROUTES)
    .chain(([method, path, body]) => fc.tuple(fc.constant([method, path] as const), mutated(body)));
  const seen = new Set<number>();
  const property = fc.asyncProperty(cases, async ([[method, path], body]) => {
    const answer = await api.call(method, path, body === undefined ? '' : JSON.stringify(body));
    seen.add(answer.status);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).not.toContain(CANARY);
  });
  await fc.assert(property, { seed: 20_261_122, numRuns: 1_500 });
  expect([...seen].toSorted((a, b) => a - b)).toEqual(expect.arrayContaining([202, 404, 409, 422]));
  expect(api.log.join('')).not.toContain(CANARY);
});
