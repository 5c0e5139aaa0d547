import { afterAll, beforeAll, expect, test } from 'vitest';
import { accept, states, user } from '../support/ledger.ts';
import { perform, RUN, type ActivityWorld, startActivityWorld } from './support.ts';

let world: ActivityWorld;
beforeAll(async () => {
  world = await startActivityWorld(2, 1);
});
afterAll(async () => world.close());

test('resolves more requests at once than there are connections without a deadlock', async () => {
  const requests = await Promise.all(['m-1', 'm-2', 'm-3'].map((id) => accept(world, [user(id)])));
  const at = { project: 'demo', system: 'app', asOf: RUN.getTime() };
  const resolved = Promise.all(
    requests.map((requestId) => perform(world.activities.resolveSubjects, { requestId, ...at })),
  );
  const waited = new Promise((done) => setTimeout(done, 20_000, 'still waiting'));
  expect(await Promise.race([resolved.then(() => 'resolved'), waited])).toBe('resolved');
  for (const requestId of requests) expect(Object.values(await states(world, requestId))).toEqual([1]);
});
