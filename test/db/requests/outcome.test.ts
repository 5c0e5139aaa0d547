import { expect, test } from 'vitest';
import { listSubjects } from '../../../db/subjects/list.ts';
import {
  applyVisibility,
  identityFactOf,
  claimAt,
  concludeAll,
  deleteFirstBatch,
  hide,
  matchOf,
  resolve,
} from '../../api/support/ledger.ts';
import { settleUnresolved } from '../../../db/subjects/unresolved.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { submitDeletion, deletionOf, START, testApi, textOf, user } from '../../api/support/api.ts';

const api = await testApi();
const RUN = new Date('2026-12-08T02:00:00.000Z');
const entries = (requestId: string) => listSubjects(api.database, { requestId, project: 'demo', after: 0, limit: 100 });
const outcomes = async (requestId: string) => (await entries(requestId)).map(({ outcome }) => outcome);
const retained = async (requestId: string) => (await entries(requestId)).map((entry) => entry.retained);
const cancel = (id: string, positions?: number[]) =>
  api.call('POST', `/v1/requests/${id}/cancel`, { ...(positions && { positions }) });

test('reports the least advanced subject as the outcome of an alias with several subjects', async () => {
  const id = await submitDeletion(api, [{ type: 'alias', value: 'family' }, user('mother'), user('child')]);
  const facts = [matchOf(1, 'mother'), matchOf(1, 'child'), matchOf(2, 'mother'), matchOf(3, 'child')];
  await hide(api.database, id, facts, START);
  expect(await outcomes(id)).toEqual(['soft_deleted', 'duplicate', 'duplicate']);
  await api.call('POST', '/v1/holds', {
    project: 'demo',
    kind: 'user',
    identities: [user('child')],
    caseRef: 'C',
    heldBy: 'c',
  });
  expect(await outcomes(id)).toEqual(['held', 'duplicate', 'duplicate']);
});

test('does not report cancelled before the subject is restored in every system', async () => {
  const id = await submitDeletion(api, [user('back-1'), user('back-2')]);
  await hide(api.database, id, [matchOf(1, 'back-1'), matchOf(2, 'back-2')], START);
  await cancel(id, [1]);
  expect(await outcomes(id)).toEqual(['soft_deleted', 'soft_deleted']);
  await applyVisibility(api.database, id, START);
  expect(await outcomes(id)).toEqual(['cancelled', 'soft_deleted']);
});

test('reports cancelled immediately when the request is unresolved, except for invalid and duplicate positions', async () => {
  const id = await submitDeletion(api, [user('soon'), { type: 'xng_id', value: 'none' }, user('soon')]);
  await cancel(id);
  expect(await outcomes(id)).toEqual(['cancelled', 'invalid', 'duplicate']);
});

test('shares the outcome of the owner with an attached request, which becomes the owner when the first cancels', async () => {
  const owner = await submitDeletion(api, [user('shared-1'), user('shared-2')]);
  await hide(api.database, owner, [matchOf(1, 'shared-1'), matchOf(2, 'shared-2')], START);
  const second = await submitDeletion(api, [user('shared-1'), user('shared-2')]);
  await hide(api.database, second, [matchOf(1, 'shared-1'), matchOf(2, 'shared-2')], START);
  expect(await outcomes(second)).toEqual(['attached', 'attached']);
  await cancel(owner, [2]);
  await applyVisibility(api.database, second, START);
  expect(await outcomes(second)).toEqual(['attached', 'soft_deleted']);
  expect(await outcomes(owner)).toEqual(['soft_deleted', 'cancelled']);
  await claimAt(api.database, owner, RUN);
  expect(await outcomes(second)).toEqual(['attached', 'soft_deleted']);
  await deleteFirstBatch(api.database, owner, RUN);
  expect(await outcomes(second)).toEqual(['deleted', 'soft_deleted']);
  expect(await retained(second)).toEqual([[{ basis: 'tax law, 10 years', rows: 2 }], []]);
});

test('reports an identity as unknown until the systems are searched, then already_deleted or not_found', async () => {
  const id = await submitDeletion(api, [user('gone')]);
  await hide(api.database, id, [matchOf(1, 'gone')], START);
  await claimAt(api.database, id, RUN);
  await deleteFirstBatch(api.database, id, RUN);
  await concludeAll(api.database, id, new Date(RUN.getTime() + DAY_MS));
  expect(await outcomes(id)).toEqual(['deleted']);
  expect(await retained(id)).toEqual([[{ basis: 'tax law, 10 years', rows: 2 }]]);
  const again = await submitDeletion(api, [user('gone'), user('never')]);
  await resolve(api.database, again, [], START);
  expect(await outcomes(again)).toEqual(['unknown', 'unknown']);
  await settleUnresolved(api.database, 'demo', again, RUN);
  expect(await outcomes(again)).toEqual(['already_deleted', 'not_found']);
});

test('reports invalid and ambiguous when an identity belongs to two subjects', async () => {
  const id = await submitDeletion(api, [{ type: 'email', value: ['home@x.test', 'b'] }, user('one')]);
  await hide(api.database, id, [matchOf(1, 'one'), matchOf(1, 'two'), matchOf(2, 'one')], START);
  const [first] = await listSubjects(api.database, { requestId: id, project: 'demo', after: 0, limit: 1 });
  expect(first).toMatchObject({ outcome: 'invalid', reason: 'ambiguous' });
});

test('numbers the subjects of a segment like submitted ones', async () => {
  const body = { ...deletionOf([]), subjects: { kind: 'user', segment: 'dormant' } };
  const id = textOf(await api.call('POST', '/v1/requests', body), 'id');
  const member = (key: string) => ({ ...matchOf(0, key), position: null });
  await hide(api.database, id, [member('seg-b'), member('seg-a'), identityFactOf('seg-a', 'alias', ['nick'])], START);
  expect((await api.call('GET', `/v1/requests/${id}/subjects`)).json).toMatchObject({
    items: [
      { position: 1, type: 'user_id', value: ['seg-a'], outcome: 'soft_deleted', identities: [{ value: ['nick'] }] },
      { position: 2, value: ['seg-b'], outcome: 'soft_deleted', identities: [] },
    ],
  });
});
