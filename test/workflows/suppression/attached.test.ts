import { beforeEach, expect, test } from 'vitest';
import { user } from '../../support/ledger.ts';
import { cancel, ended, eventually, hold, release, statusOf, submit } from '../../support/world/actions.ts';
import { waitUntilIdle } from '../../support/world/operator.ts';
import { addUser, rowsOf } from '../../support/world/users.ts';
import { withWorld } from '../../support/world/world.ts';
import { missingIn, refusals, summaryOf } from './suppressing.ts';

const world = await withWorld({ demo: { crm: true } });
const EVERYWHERE = [true, true];
const NOWHERE = [false, false];

const untilState = (requestId: string, state: string, count = 1) =>
  eventually(state, async () => {
    const { states } = await statusOf(world, requestId);
    return Object.entries(states).some((entry) => entry[0] === state && entry[1] === count);
  });

let prefix = 0;
beforeEach(() => void (prefix += 1));
const person = async (name: string): Promise<string> => {
  const id = `${name}-${prefix}`;
  for (const sql of [world.app, world.crm]) await addUser(sql, id);
  return id;
};

test('suppresses a subject in every system when a request without suppress owns it', async () => {
  const [owned, own] = [await person('owned'), await person('own')];
  const first = await submit(world, 'demo', [user(owned)]);
  await untilState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user(owned), user(own)], { suppress: true });
  await untilState(second, 'attached');
  expect(await refusals(world, owned)).toEqual(NOWHERE);
  expect(await ended(world, first)).toBe('completed');
  expect(await ended(world, second)).toBe('completed');
  expect([await refusals(world, owned), await refusals(world, own)]).toEqual([EVERYWHERE, EVERYWHERE]);
  expect([await missingIn(world, owned), await missingIn(world, own)]).toEqual([[[]], [[]]]);
  expect(await summaryOf(world, second)).toEqual({ placed: 2, pending: 0, missingIn: [] });
  const [left] = await world.sql`SELECT count(*) FROM lethe.subject_identities WHERE request_id = ${second}`;
  expect(left).toEqual({ count: 0 });
});

test('suppresses a subject whose owner is cancelled, once the next owner has deleted it', async () => {
  const id = await person('handed');
  const first = await submit(world, 'demo', [user(id)]);
  await untilState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user(id)], { suppress: true });
  await untilState(second, 'attached');
  await cancel(world, first, 'all');
  await untilState(second, 'soft_deleted');
  expect(await refusals(world, id)).toEqual(NOWHERE);
  expect(await ended(world, second)).toBe('completed');
  expect(await refusals(world, id)).toEqual(EVERYWHERE);
});

test('suppresses a subject that is held in its owner only after the release', async () => {
  const id = await person('held');
  const placed = await hold(world, 'demo', [user(id)]);
  const first = await submit(world, 'demo', [user(id)]);
  await untilState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user(id)], { suppress: true });
  await untilState(second, 'attached');
  await world.env.sleep('20 days');
  await waitUntilIdle(world, first);
  expect([await refusals(world, id), await missingIn(world, id)]).toEqual([NOWHERE, []]);
  expect(await summaryOf(world, second)).toEqual({ placed: 0, pending: 1, missingIn: [] });
  await release(world, 'demo', placed.id);
  expect(await ended(world, second)).toBe('completed');
  expect(await refusals(world, id)).toEqual(EVERYWHERE);
});

test('suppresses identities that an earlier request deleted, or that no system holds', async () => {
  const id = await person('gone');
  expect(await ended(world, await submit(world, 'demo', [user(id)]))).toBe('completed');
  expect(await refusals(world, id)).toEqual(NOWHERE);
  const again = await submit(world, 'demo', [user(id), user('never'), user(' padded')], { suppress: true });
  expect(await ended(world, again)).toBe('not_found');
  expect([await refusals(world, id), await refusals(world, 'never')]).toEqual([EVERYWHERE, EVERYWHERE]);
  // The outcome of a value with blanks around it is invalid.
  expect(await refusals(world, ' padded')).toEqual(NOWHERE);
});

test('suppresses no identity when the request is cancelled before its run', async () => {
  const id = await person('kept');
  const requestId = await submit(world, 'demo', [user(id), user('absent')], { suppress: true });
  await untilState(requestId, 'soft_deleted');
  await untilState(requestId, 'not_found');
  await waitUntilIdle(world, requestId);
  await cancel(world, requestId, 'all');
  await eventually('cancelled', async () => (await statusOf(world, requestId)).status === 'cancelled');
  expect([await refusals(world, id), await refusals(world, 'absent')]).toEqual([NOWHERE, NOWHERE]);
  expect(await summaryOf(world, requestId)).toEqual({ placed: 0, pending: 0, missingIn: [] });
  expect(await rowsOf(world.app, id)).not.toEqual({});
});

test('suppresses the subjects of a segment in every system, also those of another request', async () => {
  const ids = [await person('s-a'), await person('s-b')];
  for (const id of ids) await world.app`INSERT INTO app.segment_members VALUES ('leaving', ${id})`;
  const selection = { by: 'segment', segment: 'leaving' } as const;
  const second = await submit(world, 'demo', [], { suppress: true, selection });
  await untilState(second, 'soft_deleted', 2);
  expect(await ended(world, second)).toBe('completed');
  for (const id of ids) expect(await refusals(world, id)).toEqual(EVERYWHERE);
  expect(await summaryOf(world, second)).toEqual({ placed: 2, pending: 0, missingIn: [] });
});

test('suppresses the subjects of a request that exports first, also one that another request owns', async () => {
  const ids = [await person('x-owned'), await person('x-own')] as const;
  const first = await submit(world, 'demo', [user(ids[0])]);
  await untilState(first, 'soft_deleted');
  const second = await submit(world, 'demo', ids.map(user), { suppress: true, exportFirst: true });
  await untilState(second, 'attached');
  expect(await ended(world, first)).toBe('completed');
  expect(await ended(world, second)).toBe('completed');
  expect([await refusals(world, ids[0]), await refusals(world, ids[1])]).toEqual([EVERYWHERE, EVERYWHERE]);
  expect((await statusOf(world, second)).backups).toMatchObject([{ subjects: 2 }]);
});
