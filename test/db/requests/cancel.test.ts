import { expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { settleUnresolved, markPresent } from '../../../db/subjects/unresolved.ts';
import {
  accept,
  allKnown,
  applyVisibility,
  givenAwaitingConfirmation,
  claimAt,
  days,
  givenHiddenSubjects,
  type Ledger,
  ledger,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { countingRows } from '../../support/rows.ts';

const world = await ledger();

const cancel = (
  requestId: string,
  positions: readonly number[] | 'all' = 'all',
  database = world.database,
  at = START,
) => cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at });
const people = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => user(`${prefix}-${count}-${n}`));

/** The number of statements that `work` sends, and of rows that it receives. */
async function measureCost(work: (database: Ledger['database']) => Promise<unknown>) {
  const { counted, rows } = countingRows(world.database);
  const before = world.statements.length;
  await work(counted);
  return { statements: world.statements.length - before, rows: rows() };
}

test.each([
  ['hidden', givenHiddenSubjects],
  ['proposed', givenAwaitingConfirmation],
])('cancels many %s subjects with as many statements and rows as few', async (_state, givenRequest) => {
  const costs = [];
  for (const count of [2, 1_500]) {
    const requestId = await givenRequest(world, people(givenRequest.name, count));
    costs.push(await measureCost((database) => cancel(requestId, 'all', database)));
    expect(await states(world, requestId)).toEqual({
      [givenRequest === givenHiddenSubjects ? 'cancelling' : 'cancelled']: count,
    });
  }
  const [few, many] = costs;
  expect(many).toEqual(few);
  expect(few?.rows).toBeGreaterThan(0);
  expect(many?.rows).toBeLessThan(10);
});

test('transfers any number of cancelled subjects to an attached request with the same cost', async () => {
  const costs = [];
  for (const count of [2, 1_500]) {
    const identities = people('transferred', count);
    const first = await givenHiddenSubjects(world, identities);
    const later = (ms: number) => ({ receivedAt: new Date(START.getTime() + ms) });
    const second = await accept(world, identities, later(1));
    const third = await accept(world, identities.slice(0, 1), later(2));
    await resolve(world, second, allKnown(identities));
    await resolve(world, third, allKnown(identities.slice(0, 1)));
    costs.push(await measureCost((database) => cancel(first, 'all', database)));
    expect([await states(world, first), await states(world, second)]).toEqual([
      { cancelled: count },
      { resolved: count },
    ]);
    // The third request is now attached to the new owner.
    const [reattached] = await world.sql`SELECT state, owner_request FROM lethe.subjects WHERE request_id = ${third}`;
    expect(reattached).toEqual({ state: 'attached', ownerRequest: second });
  }
  expect(costs[1]).toEqual(costs[0]);
});

test('lists at most a thousand positions that are too late and counts all of them', async () => {
  const count = 1_200;
  const requestId = await givenHiddenSubjects(world, people('late', count));
  await world.sql`UPDATE lethe.subjects SET hard_delete_at = ${days(30)} WHERE request_id = ${requestId} AND seq = 5`;
  await claimAt(world, requestId, days(16));
  const { tooLate, tooLateCount, cancelled } = await cancel(requestId);
  expect({ cancelled, tooLateCount, listed: tooLate.length }).toEqual({
    cancelled: 1,
    tooLateCount: count - 1,
    listed: 1_000,
  });
  expect(tooLate.slice(3, 6)).toEqual([4, 6, 7]);
  expect(tooLate.at(-1)).toBe(1_001);
  const [row] = await world.sql`
    SELECT array_agg(position) AS withdrawn FROM lethe.submitted_identities
    WHERE request_id = ${requestId} AND withdrawn_at IS NOT NULL`;
  expect(row).toEqual({ withdrawn: [5] });
  const before = await world.sql`SELECT count(*) FROM lethe.audit_events WHERE request_id = ${requestId}`;
  await expect(cancel(requestId)).rejects.toMatchObject({ code: 'too_late' });
  expect(await world.sql`SELECT count(*) FROM lethe.audit_events WHERE request_id = ${requestId}`).toEqual(before);
});

test('cancels a subject that is not hidden yet without waiting for its restoration', async () => {
  const identities = [user('unknown-0'), user('known-0')];
  const requestId = await accept(world, identities);
  await resolve(world, requestId, allKnown(identities).slice(1));
  await applyVisibility(world, requestId);
  expect(await states(world, requestId)).toEqual({ resolved: 1, soft_deleted: 1 });
  await cancel(requestId);
  expect(await states(world, requestId)).toEqual({ cancelled: 1, cancelling: 1 });
  await markPresent(world.database, requestId, 'all');
  await settleUnresolved(world.database, PROJECT, requestId, START);
  expect(await applyVisibility(world, requestId)).toMatchObject({ canConclude: true, open: 0 });
  expect(await states(world, requestId)).toEqual({ cancelled: 2 });
});

test('restores a transferred subject when its new owner cancels too', async () => {
  const first = await accept(world, [user('unknown-1')]);
  await resolve(world, first, []);
  await markPresent(world.database, first, 'all');
  await applyVisibility(world, first);
  const second = await accept(world, [user('unknown-1')]);
  await resolve(world, second, []);
  await cancel(first);
  await cancel(second);
  expect([await states(world, first), await states(world, second)]).toEqual([{ cancelled: 1 }, { cancelling: 1 }]);
  expect(await reconcileAt(world, second, START)).toMatchObject({ systemsToSync: ['app'], canConclude: false });
  expect(await applyVisibility(world, second)).toMatchObject({ canConclude: true });
});
