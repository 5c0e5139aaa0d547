import { expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { settleUnresolved, markPresent } from '../../../db/subjects/unresolved.ts';
import {
  accept,
  allKnown,
  applyVisibility,
  awaiting,
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
const people = (name: string, count: number) => Array.from({ length: count }, (_, n) => user(`${name}-${count}-${n}`));

/** What it takes: statements, and rows that arrive in this process. */
async function cost(work: (database: Ledger['database']) => Promise<unknown>) {
  const { counted, rows } = countingRows(world.database);
  const before = world.statements.length;
  await work(counted);
  return { statements: world.statements.length - before, rows: rows() };
}

test.each([
  ['all', givenHiddenSubjects],
  ['all that is proposed', awaiting],
])('cancelling %s costs as many statements and rows for few as for many', async (_what, begun) => {
  const costs = [];
  for (const count of [2, 1_500]) {
    const requestId = await begun(world, people(begun.name, count));
    costs.push(await cost((database) => cancel(requestId, 'all', database)));
    expect(await states(world, requestId)).toEqual({
      [begun === givenHiddenSubjects ? 'cancelling' : 'cancelled']: count,
    });
  }
  const [few, many] = costs;
  expect(many).toEqual(few);
  expect(few?.rows).toBeGreaterThan(0);
  expect(many?.rows).toBeLessThan(10);
});

test('cancelled for another request, the subjects are handed to it: one row for the request, whatever their number', async () => {
  const costs = [];
  for (const count of [2, 1_500]) {
    const names = people('heirs', count);
    const first = await givenHiddenSubjects(world, names);
    const later = (ms: number) => ({ receivedAt: new Date(START.getTime() + ms) });
    const second = await accept(world, names, later(1));
    const third = await accept(world, names.slice(0, 1), later(2));
    await resolve(world, second, allKnown(names));
    await resolve(world, third, allKnown(names.slice(0, 1)));
    costs.push(await cost((database) => cancel(first, 'all', database)));
    expect([await states(world, first), await states(world, second)]).toEqual([
      { cancelled: count },
      { resolved: count },
    ]);
    // Who waited behind waits on, now for the heir.
    const [behind] = await world.sql`SELECT state, owner_request FROM lethe.subjects WHERE request_id = ${third}`;
    expect(behind).toEqual({ state: 'attached', ownerRequest: second });
  }
  expect(costs[1]).toEqual(costs[0]);
});

test('of what is too late a thousand positions are named, and all are counted', async () => {
  const count = 1_200;
  const requestId = await givenHiddenSubjects(world, people('late', count));
  await world.sql`UPDATE lethe.subjects SET hard_delete_at = ${days(30)} WHERE request_id = ${requestId} AND seq = 5`;
  await claimAt(world, requestId, days(16));
  const { tooLate, tooLateCount, cancelled } = await cancel(requestId);
  expect({ cancelled, tooLateCount, named: tooLate.length }).toEqual({
    cancelled: 1,
    tooLateCount: count - 1,
    named: 1_000,
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

test('cancelled before anybody was found to hold anything: nobody was hidden, so nobody is waited for', async () => {
  const requestId = await accept(world, [user('nobody-1'), user('somebody-1')]);
  await resolve(world, requestId, allKnown([user('nobody-1'), user('somebody-1')]).slice(1));
  await applyVisibility(world, requestId);
  expect(await states(world, requestId)).toEqual({ resolved: 1, soft_deleted: 1 });
  await cancel(requestId);
  expect(await states(world, requestId)).toEqual({ cancelled: 1, cancelling: 1 });
  await markPresent(world.database, requestId, 'all');
  await settleUnresolved(world.database, PROJECT, requestId, START);
  expect(await applyVisibility(world, requestId)).toMatchObject({ canConclude: true, open: 0 });
  expect(await states(world, requestId)).toEqual({ cancelled: 2 });
});

test('of what is handed over it is remembered that it is hidden: taken back again, it is shown again', async () => {
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
