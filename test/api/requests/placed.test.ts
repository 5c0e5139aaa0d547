import { expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { newId } from '../../../domain/ids.ts';
import { propagateTo } from '../../support/suppressions.ts';
import { claimAt, concludeAll, deleteFirstBatch, hide, identityFactOf, matchOf } from '../support/ledger.ts';
import {
  type Answer,
  bearerOf,
  type By,
  RUN,
  type SentIdentity,
  START,
  submitDeletion,
  testApi,
  textOf,
  user,
} from '../support/api.ts';
import { allPages, pageOf } from '../support/pages.ts';

const api = await testApi();
const SYSTEMS = ['app', 'mail'];

const idsAt = async (path: string) => pageOf(await api.call('GET', path)).items.map(({ id }) => id);

/** Each call is a second later, so that the order of creation is known. */
const later = () => (api.clock.now = new Date(api.clock.now.getTime() + 1_000)).toISOString();
async function placeHold(more: Record<string, unknown> = {}, by: By = api.owner): Promise<string> {
  later();
  const hold = { project: 'demo', kind: 'user', identities: [user('canary-1')], caseRef: 'C-7', heldBy: 'counsel' };
  return textOf(await api.call('POST', '/v1/holds', { ...hold, ...more }, bearerOf(by)), 'id');
}
async function suppress(method: 'POST' | 'DELETE', identity: object, more: object = {}): Promise<Answer> {
  later();
  return api.call(method, '/v1/suppressions', { project: 'demo', kind: 'user', identity, ...more });
}
const placeSuppression = async (identity: object, more: object = {}) =>
  textOf(await suppress('POST', identity, more), 'id');
const suppression = async (id: string) => (await api.call('GET', `/v1/suppressions/${id}`)).json;

test('finds a hold that was placed twice by its case reference, with who placed and released it', async () => {
  const bea = await api.member('bea');
  const twice = { caseRef: ' Twice ', identities: [user('canary-a'), user('canary-b'), user('canary-a')] };
  const first = await placeHold(twice);
  const placedAt = api.clock.now.toISOString();
  const second = await placeHold(twice, bea);
  await placeHold({ ...twice, caseRef: 'Twice more' });
  await placeHold({ ...twice, project: 'other' }, api.otherOwner);
  const found = await api.call('GET', '/v1/holds?caseRef=Twice');
  expect(pageOf(found).items.map(({ id }) => id)).toEqual([second, first]);
  const hold = {
    id: first,
    kind: 'user',
    caseRef: 'Twice',
    heldBy: 'counsel',
    identities: 2,
    placedAt,
    placedBy: api.owner.memberId,
    releasedAt: null,
    releasedBy: null,
  };
  expect(pageOf(found).items[1]).toEqual(hold);
  expect((await api.call('GET', `/v1/holds/${second}`)).json).toMatchObject({ placedBy: bea.memberId });
  const releasedAt = later();
  await api.call('DELETE', `/v1/holds/${first}`, undefined, bearerOf(bea));
  later();
  await api.call('DELETE', `/v1/holds/${first}`);
  const released = await api.call('GET', `/v1/holds/${first}`);
  expect(released.json).toEqual({ ...hold, releasedAt, releasedBy: bea.memberId });
  for (const { text } of [found, released]) expect(text).not.toContain('canary');
});

test('returns the holds that match every filter, newest first', async () => {
  const [one, two] = [await placeHold({ caseRef: 'F-1' }), await placeHold({ caseRef: 'F-2' })];
  const company = await placeHold({
    caseRef: 'F-1',
    kind: 'company',
    identities: [{ type: 'company_id', value: '1' }],
  });
  const released = await placeHold({ caseRef: 'F-1' });
  await api.call('DELETE', `/v1/holds/${released}`);
  const mine = [released, company, two, one];
  for (const [query, expected] of [
    ['', mine],
    ['project=demo', mine],
    ['state=active', [company, two, one]],
    ['state=released', [released]],
    ['kind=user', [released, two, one]],
    ['kind=company', [company]],
    ['kind=company&state=released', []],
    ['caseRef=F-1', [released, company, one]],
    ['caseRef=F-1&state=active', [company, one]],
    ['caseRef=F-1&kind=user&state=active', [one]],
    ['caseRef=f-1', []],
    ['caseRef=F', []],
  ] as const) {
    api.statements();
    const ids = (await idsAt(`/v1/holds?${query}`)).filter((id) => mine.includes(id));
    expect({ query, ids, statements: api.statements().length }).toEqual({ query, ids: expected, statements: 2 });
  }
});

test('returns every hold and every suppression once while others are placed', async () => {
  const before = [await idsAt('/v1/holds?state=active'), await idsAt('/v1/suppressions')];
  const holds: string[] = [];
  const suppressions: string[] = [];
  for (let n = 0; n < 7; n += 1) {
    holds.unshift(await placeHold({ caseRef: 'paged' }));
    suppressions.unshift(await placeSuppression(user(`canary-paged-${n}`)));
  }
  const meanwhile = async () => {
    await placeHold({ caseRef: 'paged' });
    await placeSuppression(user(crypto.randomUUID()));
  };
  for (const [path, expected] of [
    ['/v1/holds?caseRef=paged&limit=3', holds],
    ['/v1/holds?state=active&limit=3', [...(await idsAt('/v1/holds?state=active'))]],
    ['/v1/suppressions?limit=3', [...suppressions, ...(before[1] ?? [])]],
  ] as const) {
    const pages = await allPages(api, path, meanwhile);
    expect(pages[0]).toHaveLength(3);
    const shown = pages.flat();
    expect(shown.filter((id) => expected.includes(id))).toEqual(expected);
    expect(new Set(shown).size).toBe(shown.length);
  }
});

test('names the suppression that was placed twice, with who placed and lifted it and the systems that lack it', async () => {
  const bea = await api.member('bea of suppressions');
  const placed = await suppress('POST', user('canary-s'));
  const id = textOf(placed, 'id');
  const since = api.clock.now.toISOString();
  expect(placed.headers.get('Location')).toBe(`/v1/suppressions/${id}`);
  const active = {
    id,
    kind: 'user',
    requestId: null,
    identities: 1,
    liftedIdentities: 0,
    since,
    placedBy: api.owner.memberId,
    liftedAt: null,
    liftedBy: null,
    missingIn: SYSTEMS,
  };
  expect(await suppression(id)).toEqual(active);
  await propagateTo(api.database, id, { suppressed: true, systems: ['app'], at: START });
  expect(await suppression(id)).toEqual({ ...active, missingIn: ['mail'] });
  const again = { project: 'demo', kind: 'user', identity: user('canary-s') };
  later();
  expect(textOf(await api.call('POST', '/v1/suppressions', again, bearerOf(bea)), 'id')).toBe(id);
  expect(await suppression(id)).toEqual(active);
  const liftedAt = later();
  await api.call('DELETE', '/v1/suppressions', again, bearerOf(bea));
  const lifted = { ...active, liftedIdentities: 1, liftedAt, liftedBy: bea.memberId, missingIn: null };
  expect(await suppression(id)).toEqual(lifted);
  expect(pageOf(await api.call('GET', '/v1/suppressions?state=lifted')).items).toContainEqual(lifted);
  const replacedAt = later();
  await api.call('POST', '/v1/suppressions', again, bearerOf(bea));
  const replaced = { ...active, since: replacedAt, placedBy: bea.memberId };
  expect(await suppression(id)).toEqual(replaced);
  const page = await api.call('GET', '/v1/suppressions');
  expect(pageOf(page).items.filter((one) => one.id === id)).toEqual([replaced]);
  expect(page.text).not.toContain('canary');
});

/** A deletion that has left a suppression of these identities of one subject. */
async function givenSuppressed(name: string, ...identities: readonly SentIdentity[]): Promise<string> {
  const id = await submitDeletion(api, [user(name)], { suppress: true });
  const facts = identities.map(({ type, value }) => identityFactOf(name, type, [value].flat()));
  await hide(api.database, id, [matchOf(1, name), ...facts], START);
  await claimAt(api.database, id, RUN);
  await deleteFirstBatch(api.database, id, RUN);
  await concludeAll(api.database, id, new Date(RUN.getTime() + DAY_MS));
  return id;
}

test('counts the lifted identities of a deletion and marks the suppression as lifted with the last one', async () => {
  const stored = { type: 'email', value: ['Canary@X.test', 'Berlin'] };
  const requestId = await givenSuppressed('canary-d', stored);
  const [id = ''] = await idsAt(`/v1/suppressions?requestId=${requestId}`);
  const left = { id, requestId, identities: 2, placedBy: null, missingIn: [] };
  expect(await suppression(id)).toMatchObject({ ...left, liftedIdentities: 0, liftedAt: null });
  const lift = await suppress('DELETE', { type: 'email', value: ['CANARY@x.test', 'berlin'] });
  expect(await suppression(id)).toMatchObject({ ...left, liftedIdentities: 1, liftedAt: null, liftedBy: null });
  // The lift has a row of its own, because systems apply it.
  const liftedAt = api.clock.now.toISOString();
  const lifted = { liftedIdentities: 1, liftedAt, liftedBy: api.owner.memberId };
  expect(await suppression(textOf(lift, 'id'))).toMatchObject({ identities: 1, placedBy: null, ...lifted });
  const lastAt = later();
  await api.call('DELETE', '/v1/suppressions', { project: 'demo', kind: 'user', identity: user('canary-d') });
  const last = { liftedIdentities: 2, liftedAt: lastAt, liftedBy: api.owner.memberId };
  expect(await suppression(id)).toMatchObject({ ...left, ...last, missingIn: null });
});

test('returns the suppressions that match every filter, newest first', async () => {
  const requestId = await givenSuppressed('canary-e');
  const [left = ''] = await idsAt(`/v1/suppressions?requestId=${requestId}`);
  api.clock.now = new Date(RUN.getTime() + 2 * DAY_MS);
  const one = await placeSuppression(user('canary-f'));
  const company = await placeSuppression({ type: 'company_id', value: '1' }, { kind: 'company' });
  const lifted = await placeSuppression(user('canary-g'));
  await suppress('DELETE', user('canary-g'));
  const mine = [lifted, company, one, left];
  for (const [query, expected] of [
    ['', mine],
    ['state=active', [company, one, left]],
    ['state=lifted', [lifted]],
    ['kind=user', [lifted, one, left]],
    ['kind=company', [company]],
    ['kind=company&state=lifted', []],
    [`requestId=${requestId}`, [left]],
    [`requestId=${requestId}&state=lifted`, []],
    [`requestId=${requestId}&kind=company`, []],
    [`requestId=${newId('request', 0)}`, []],
  ] as const) {
    api.statements();
    const ids = (await idsAt(`/v1/suppressions?${query}`)).filter((id) => mine.includes(id));
    expect({ query, ids, statements: api.statements().length }).toEqual({ query, ids: expected, statements: 2 });
  }
  expect(await suppression(company)).toMatchObject({ kind: 'company', missingIn: ['app'] });
});

test('returns the same 404 for holds and suppressions that are unknown or of another project', async () => {
  const hold = await placeHold({ project: 'other' }, api.otherOwner);
  const id = await placeSuppression(user('canary-h'), { project: 'other' });
  for (const [path, unknown, code] of [
    [`/v1/holds/${hold}`, `/v1/holds/${newId('hold', 0)}`, 'hold_not_found'],
    [`/v1/suppressions/${id}`, `/v1/suppressions/${newId('suppression', 0)}`, 'suppression_not_found'],
  ] as const) {
    const problem = async (at: string) => ({ ...((await api.call('GET', at)).json as object), instance: null });
    expect(await problem(path)).toMatchObject({ status: 404, code });
    for (const other of [unknown, `${path}0`, path.replace(/_.*/, '_canary'), `${path.slice(0, -1)}%00`])
      expect(await problem(other)).toEqual(await problem(path));
    expect((await api.call('GET', path, undefined, bearerOf(api.otherOwner))).status).toBe(200);
  }
});

test('rejects an invalid filter of holds or suppressions without quoting it', async () => {
  for (const [query, pointer] of [
    ['holds?state=lifted', '/state'],
    ['holds?state=canary', '/state'],
    ['holds?kind=canary', '/kind'],
    ['holds?caseRef=', '/caseRef'],
    ['holds?caseRef=canary%00', '/caseRef'],
    [`holds?caseRef=${'canary'.repeat(40)}`, '/caseRef'],
    ['holds?cursor=canary', '/cursor'],
    [`holds?cursor=${Buffer.from(newId('suppression', 0)).toString('base64url')}`, '/cursor'],
    ['holds?requestId=canary', ''],
    ['suppressions?state=released', '/state'],
    ['suppressions?requestId=canary', '/requestId'],
    ['suppressions?cursor=canary', '/cursor'],
    ['suppressions?caseRef=canary', ''],
  ] as const) {
    const answer = await api.call('GET', `/v1/${query}`);
    expect({ query, ...(answer.json as object) }).toMatchObject({
      query,
      code: 'invalid_request',
      errors: [{ in: 'query', pointer }],
    });
    expect(answer.text).not.toContain('canary');
  }
  expect(api.log.join('')).not.toContain('canary');
});
