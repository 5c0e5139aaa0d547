import { expect, test } from 'vitest';
import { exportOf } from '../../exports/exports.ts';
import { upload, uploadForm } from '../../uploads/upload.ts';
import { type Answer, deletionOf, testApi, textOf, user } from '../../support/api.ts';

const api = await testApi();
const MONTH_LATER = '2026-12-23T10:00:00.000Z';

test('treats a regulation in any case as one, in JSON, CSV and form', async () => {
  const answers: readonly Answer[] = [
    await api.call('POST', '/v1/requests', deletionOf([user('u-1')], { regulation: 'GDPR' })),
    await api.call('POST', '/v1/requests', exportOf([user('u-1')], { regulation: 'Gdpr' })),
    await upload(api, 'user_id\nu-2\n', { regulation: 'gDPR' }),
    await uploadForm(api, 'user_id\nu-3\n', { regulation: 'GDPR' }),
  ];
  for (const answer of answers)
    expect(answer.json).toMatchObject({ status: 'received', regulation: 'gdpr', dueAt: MONTH_LATER });
  const stored = await api.sql`SELECT DISTINCT regulation FROM lethe.requests`;
  expect([...stored]).toEqual([{ regulation: 'gdpr' }]);
});

test('filters requests by a regulation in any case', async () => {
  const ids = [
    await api.call('POST', '/v1/requests', deletionOf([user('u-4')], { regulation: 'CCPA' })),
    await api.call('POST', '/v1/requests', deletionOf([user('u-5')], { regulation: 'ccpa' })),
  ].map((answer) => textOf(answer, 'id'));
  for (const regulation of ['CCPA', 'ccpa', 'Ccpa']) {
    const { items } = (await api.call('GET', `/v1/requests?regulation=${regulation}`)).json as {
      readonly items: readonly { readonly id: string; readonly regulation: string }[];
    };
    expect(items.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(new Set(items.map((item) => item.regulation))).toEqual(new Set(['ccpa']));
  }
});

test('replays a call whose regulation differs only in case', async () => {
  const key = { 'Idempotency-Key': 'regulation' };
  const first = await api.call('POST', '/v1/requests', deletionOf([user('u-6')], { regulation: 'GDPR' }), key);
  const again = await api.call('POST', '/v1/requests', deletionOf([user('u-6')], { regulation: 'gdpr' }), key);
  expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([202, 'true']);
  expect(textOf(again, 'id')).toBe(textOf(first, 'id'));
});
