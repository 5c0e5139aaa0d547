import { expect, test } from 'vitest';
import { applyVisibility, identityFactOf, hide, matchOf } from '../../api/support/ledger.ts';
import { submitDeletion, deletionOf, type SentIdentity, START, testApi, user } from '../../api/support/api.ts';

const api = await testApi();
const submitRejecting = async (...identities: SentIdentity[]) =>
  (await api.call('POST', '/v1/requests', deletionOf(identities, { onConflict: 'reject' }))).json;

test('rejects any identity of an owned subject until the subject is restored', async () => {
  const id = await submitDeletion(api, [user('owned'), user('bystander')]);
  const facts = [matchOf(1, 'owned'), matchOf(2, 'bystander'), identityFactOf('owned', 'alias', ['nick'])];
  await hide(api.database, id, facts, START);
  expect(await submitRejecting(user('free'), { type: 'alias', value: 'nick' })).toMatchObject({
    code: 'subject_conflict',
    positions: [2],
  });
  expect(await submitRejecting(user('owned'))).toMatchObject({ positions: [1] });
  expect(await submitRejecting({ type: 'alias', value: 'owned' })).toMatchObject({ status: 'received' });

  await api.call('POST', `/v1/requests/${id}/cancel`, { positions: [1] });
  expect(await submitRejecting(user('owned'))).toMatchObject({ code: 'subject_conflict' });
  await applyVisibility(api.database, id, START);
  expect(await submitRejecting(user('owned'))).toMatchObject({ status: 'received' });
  expect(await submitRejecting(user('bystander'))).toMatchObject({ code: 'subject_conflict' });
});

test('rejects identities of an unresolved request, except for cancelled positions', async () => {
  const id = await submitDeletion(api, [user('early-1'), user('early-2')]);
  expect(await submitRejecting(user('early-1'))).toMatchObject({ positions: [1] });
  await api.call('POST', `/v1/requests/${id}/cancel`, { positions: [1] });
  expect(await submitRejecting(user('early-1'))).toMatchObject({ status: 'received' });
  expect(await submitRejecting(user('early-2'))).toMatchObject({ positions: [1] });
});

test('does not conflict with subjects of another project', async () => {
  await submitDeletion(api, [user('elsewhere')], { project: 'other' });
  expect(await submitRejecting(user('elsewhere'))).toMatchObject({ status: 'received' });
});

test('accepts one of twenty concurrent requests for the same subject when all use onConflict reject', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => submitRejecting(user('raced'))));
  const accepted = answers.filter((answer) => (answer as { status: unknown }).status === 'received');
  expect(accepted).toHaveLength(1);
  const [row] = await api.sql`SELECT count(*) FROM lethe.submitted_identities WHERE value = '{raced}'`;
  expect(row).toEqual({ count: 1 });
});
