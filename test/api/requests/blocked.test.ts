import { beforeEach, expect, test } from 'vitest';
import { recordAttempt, startAttempt } from '../../../db/deletion/attempts.ts';
import { RUN, testApi } from '../support/api.ts';
import { claimAt, givenHiddenSubjects } from '../support/ledger.ts';

const api = await testApi();
let number = 0;
let id: string;
beforeEach(async () => {
  number += 1;
  id = await givenHiddenSubjects(api, `b${number}-1`, `b${number}-2`, `b${number}-3`);
  await claimAt(api.database, id, RUN);
});

/** Deletes the claimed batch in a system, except for the second subject if that is blocked. */
async function deleteIn(system: string, isBlocked: boolean): Promise<void> {
  const key = { requestId: id, project: 'demo', system, batch: 1 };
  await startAttempt(api.database, key, system);
  const blocked = isBlocked ? [{ seq: 2, table: 'public.invoice', constraint: 'invoice_customer_id_fkey' }] : [];
  await recordAttempt(api.database, key, { attempt: system, pass: 1, at: RUN }, { blocked });
}
const get = async (path = '') => (await api.call('GET', `/v1/requests/${id}${path}`)).json;
const cancel = (positions: readonly number[]) => api.call('POST', `/v1/requests/${id}/cancel`, { positions });

test('lists table, constraint and positions of blocked subjects, and counts them in the progress', async () => {
  await deleteIn('app', true);
  const blocked = [{ table: 'public.invoice', constraint: 'invoice_customer_id_fkey', subjects: 1, positions: [2] }];
  expect(await get()).toMatchObject({
    status: 'grace',
    attention: [{ system: 'app', step: 'delete', code: 'blocked_by_other_rows', blocked }],
  });
  expect(await get('/progress')).toMatchObject({
    batches: [
      { system: 'app', subjects: 3, blocked: 1 },
      { system: 'mail', blocked: 0 },
    ],
  });
});

test('cancels the blocked position, and answers for the others that it is too late', async () => {
  await deleteIn('app', true);
  expect((await cancel([1, 2])).json).toEqual({ id, cancelled: 1, tooLate: [1], tooLateCount: 1 });
  expect(await get()).toMatchObject({ attention: [], subjects: { states: { cancelling: 1, claimed: 2 } } });
  expect((await cancel([3])).json).toMatchObject({ status: 409, code: 'too_late' });
});

test('answers 409 and names the system that has deleted data of the blocked subject', async () => {
  await deleteIn('app', true);
  await deleteIn('mail', false);
  expect((await cancel([2])).json).toMatchObject({
    status: 409,
    code: 'too_late',
    detail: expect.stringContaining('mail has deleted data') as string,
  });
  expect(await get()).toMatchObject({ subjects: { states: { claimed: 3 } } });
});
