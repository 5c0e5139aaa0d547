import { expect, test } from 'vitest';
import { listSubjects } from '../../../db/subjects/list.ts';
import { settleUnresolved } from '../../../db/subjects/unresolved.ts';
import { readPendingSuppression } from '../../../db/suppressions/propagate.ts';
import { propagateTo } from '../../support/suppressions.ts';
import { START, submitDeletion, testApi, textOf, user } from '../../api/support/api.ts';
import { identityFactOf, matchOf, resolve } from '../../api/support/ledger.ts';
import { identityFact, match } from '../../support/ledger.ts';

const api = await testApi();
const COMPOSED = 'J\u00FCrgen@x.test';
const DECOMPOSED = 'Ju\u0308rgen@x.test';
const email = (address: string, unit = 'b') => ({ type: 'email', value: [address, unit] });

const entries = (requestId: string) => listSubjects(api.database, { requestId, project: 'demo', after: 0, limit: 100 });
const outcomes = async (requestId: string) =>
  (await entries(requestId)).map(({ outcome, reason }) => (reason === null ? outcome : `${outcome} ${reason}`));
const stored = async (requestId: string) => [
  ...(await api.sql<
    { seq: number; value: string; origin: string; shared: boolean }[]
  >`SELECT seq, value[1] AS value, origin, shared FROM lethe.subject_identities
    WHERE request_id = ${requestId} AND type = 'email' ORDER BY seq, value`),
];
const states = async (requestId: string) =>
  (
    await api.sql<{ state: string }[]>`SELECT state FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY seq`
  ).map(({ state }) => state);
const placeHold = async (...identities: object[]) =>
  (await api.call('POST', '/v1/holds', { project: 'demo', kind: 'user', identities, caseRef: 'C', heldBy: 'c' }))
    .json as { matching: { requestId: string; subjects: number }[] };
const suppress = async (method: 'POST' | 'DELETE', address: string) =>
  textOf(
    await api.call(method, '/v1/suppressions', {
      project: 'demo',
      kind: 'user',
      identity: email(address, 'suppressed'),
    }),
    'id',
  );
const pending = async (id: string) => (await readPendingSuppression(api.database, id))?.suppressed;

test('keeps the rows of another subject whose address is another Unicode form of a submitted one', async () => {
  const id = await submitDeletion(api, [email(COMPOSED, 'forms')]);
  await resolve(
    api.database,
    id,
    [
      matchOf(1, 'form-1'),
      identityFactOf('form-1', 'email', [COMPOSED.toLowerCase(), 'forms']),
      identityFactOf('form-1', 'email', [DECOMPOSED, 'forms'], 1),
    ],
    START,
  );
  expect(await stored(id)).toEqual([
    { seq: 1, value: DECOMPOSED, origin: 'identity', shared: true },
    { seq: 1, value: COMPOSED.toLowerCase(), origin: 'submitted', shared: false },
  ]);
  expect(await entries(id)).toMatchObject([{ value: [COMPOSED, 'forms'], identityCount: 1 }]);
});

test('does not attach a subject to one whose key has another Unicode form, and holds both by one of the forms', async () => {
  const forms = ['k\u00FC', 'ku\u0308'];
  const requests = [];
  for (const form of forms) {
    const id = await submitDeletion(api, [user(form)]);
    await resolve(api.database, id, [matchOf(1, form)], START);
    requests.push(id);
  }
  expect(await Promise.all(requests.map(states))).toEqual([['resolved'], ['resolved']]);
  const { matching } = await placeHold(user('ku\u0308'));
  expect(matching.map(({ requestId }) => requestId).toSorted()).toEqual(requests.toSorted());
});

test('searches every system for all spellings of an unknown address, as one subject that a later request shares', async () => {
  const spelled = ['ANN@x.test', 'ann@x.test', 'INFO@x.test', 'J\u00FC@x.test', 'Ju\u0308@x.test'];
  const id = await submitDeletion(
    api,
    spelled.map((address) => email(address, 'unknown')),
  );
  await resolve(api.database, id, [], START);
  expect(await outcomes(id)).toEqual(['unknown', 'duplicate', 'unknown', 'unknown', 'duplicate']);
  expect((await stored(id)).map(({ seq, value }) => `${seq} ${value}`)).toEqual(
    [
      '1 ann@x.test',
      '2 INFO@x.test',
      '2 info@x.test',
      '3 J\u00FC@x.test',
      '3 Ju\u0308@x.test',
      '3 ju\u0308@x.test'.normalize('NFC'),
    ].toSorted(),
  );
  const later = await submitDeletion(api, [email('Ann@X.test', 'unknown'), email('j\u00FC@x.test', 'unknown')]);
  await resolve(api.database, later, [], START);
  expect(await states(later)).toEqual(['attached', 'attached']);
});

test('finds requests by every spelling of an address, before and after they are resolved', async () => {
  const spelled = ['\u0130PEK@x.test', 'i\u0307pek@x.test', 'ipek@x.test', ' \u0130pek@X.test\u00A0'];
  const id = await submitDeletion(api, [email(spelled[0] ?? '', 'looked-up')]);
  const found = async (address: string) => {
    const identity = email(address, 'looked-up');
    const answer = await api.call('POST', '/v1/subjects/lookup', { project: 'demo', kind: 'user', identity });
    return (answer.json as { openRequests: { id: string }[] }).openRequests.map((request) => request.id);
  };
  for (const address of spelled) expect(await found(address)).toEqual([id]);
  for (const address of spelled)
    expect((await placeHold(email(address, 'looked-up'))).matching).toEqual([{ requestId: id, subjects: 1 }]);
  const facts = [matchOf(1, 'ipek'), identityFactOf('ipek', 'email', ['ipek@x.test', 'looked-up'])];
  await resolve(api.database, id, facts, START);
  for (const address of spelled) expect(await found(address)).toEqual([id]);
  expect(await found('ipekk@x.test')).toEqual([]);
  const conflict = await api.call('POST', '/v1/requests', {
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    onConflict: 'reject',
    subjects: { kind: 'user', identities: [email(spelled[1] ?? '', 'looked-up')] },
  });
  expect(conflict.json).toMatchObject({ code: 'subject_conflict', positions: [1] });
});

test('gives systems each spelling of a suppressed address, and lifts all of them at once', async () => {
  const applied = { suppressed: true, systems: ['app', 'mail'], at: START };
  const upper = await suppress('POST', 'INFO@x.test');
  await propagateTo(api.database, upper, applied);
  const lower = await suppress('POST', 'info@x.test');
  expect(lower).not.toBe(upper);
  expect([await pending(upper), await pending(lower)]).toEqual([undefined, true]);
  expect(await suppress('POST', 'INFO@x.test')).toBe(upper);
  expect(await pending(upper)).toBe(undefined);
  await propagateTo(api.database, lower, applied);
  expect(await suppress('DELETE', 'info@x.test')).toBe(lower);
  const lifted =
    await api.sql`SELECT id FROM lethe.suppressions WHERE id IN (${upper}, ${lower}) AND lifted_at IS NULL`;
  expect([...lifted]).toEqual([]);
  expect(await suppress('POST', 'INFO@x.test')).toBe(upper);
  expect([await pending(upper), await pending(lower)]).toEqual([true, false]);
});

test('tells blanks around an exact value that nothing holds, also to the request that is attached to the subject', async () => {
  const [owner, attached] = [
    await submitDeletion(api, [user(' pad')]),
    await submitDeletion(api, [user(' pad'), user('pad')]),
  ];
  await resolve(api.database, owner, [], START);
  await resolve(api.database, attached, [matchOf(2, 'pad')], START);
  expect(await outcomes(attached)).toEqual(['attached', 'matched']);
  await settleUnresolved(api.database, 'demo', owner, START);
  expect(await outcomes(owner)).toEqual(['invalid surrounding_whitespace']);
  expect(await outcomes(attached)).toEqual(['invalid surrounding_whitespace', 'matched']);
});

test('shares an address between two subjects of one request that the directory compares as equal', async () => {
  const address = { type: 'email', value: ['home@x.test', 'home'] };
  const id = await submitDeletion(api, [user('home-1'), user('home-2')]);
  const facts = ['home-1', 'home-2'].flatMap((name, index) => [
    match(index + 1, { type: 'user_id', value: [name] }),
    identityFact({ type: 'user_id', value: [name] }, address, 1),
  ]);
  await resolve(api.database, id, facts, START);
  expect((await stored(id)).map(({ shared }) => shared)).toEqual([false, false]);
});
