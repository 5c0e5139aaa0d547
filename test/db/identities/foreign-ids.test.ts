import { expect, test } from 'vitest';
import { keepTicket } from '../../../db/deletion/ranges.ts';
import { placeHold } from '../../../db/holds/holds.ts';
import { keepForeignIds, readForeignIds } from '../../../db/subjects/foreign-ids.ts';
import { purgeSubjects } from '../../../db/subjects/purge.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { isClaimedIn } from '../../../db/subjects/selected.ts';
import { newId } from '../../../domain/ids.ts';
import { givenExport, markReady } from '../../support/exports.ts';
import {
  after,
  claimAt,
  givenHiddenSubjects,
  KEYS,
  ledger,
  PROJECT,
  reconcileAt,
  RUN,
  START,
  user,
} from '../../support/ledger.ts';

const world = await ledger();
const { database } = world;
const SYSTEM = 'app';
const keyOf = (requestId: string) => ({ requestId, system: SYSTEM, batch: 'b1' });
const FOUND = [
  { seq: 1, ids: ['cus-1', 'cus-1b'] },
  { seq: 2, ids: ['cus-2'] },
];

/** A deletion whose first two subjects are claimed, with foreign ids and tickets. A hold keeps the third one open. */
async function given(name: string): Promise<string> {
  const names = [1, 2, 3].map((n) => `${name}-${n}`);
  const hold = { id: newId('hold', START.getTime()), caseRef: 'C-7', heldBy: 'counsel', actor: 'operator', at: START };
  const identities = [user(names[2] ?? '')];
  await placeHold(database, KEYS, { ...hold, project: PROJECT, kind: 'user', identities });
  const requestId = await givenHiddenSubjects(world, names.map(user));
  await claimAt(world, requestId);
  await keepForeignIds(database, keyOf(requestId), FOUND);
  await keepTicketOf(requestId);
  return requestId;
}
async function keepTicketOf(requestId: string): Promise<void> {
  const kept = { range: { firstSeq: 1, lastSeq: 2, part: 0 }, ticket: 't', pass: 1, keptAt: RUN };
  await keepTicket(database, { ...keyOf(requestId), project: PROJECT, batch: 1 }, kept);
}
const finish = async (requestId: string) => {
  await world.sql`UPDATE lethe.batch_work SET state = 'verified', verified_at = ${RUN} WHERE request_id = ${requestId}`;
  await reconcileAt(world, requestId, after(1));
};
const storedOf = async (requestId: string) => ({
  ids: (
    await world.sql<{ id: string }[]>`SELECT id FROM lethe.foreign_ids WHERE request_id = ${requestId} ORDER BY id`
  ).map(({ id }) => id),
  tickets: (await world.sql`SELECT FROM lethe.range_tickets WHERE request_id = ${requestId}`).length,
});
async function readAll(requestId: string, except: readonly number[] = [], batch = 'b1') {
  const chosen = { firstSeq: 1, lastSeq: 3, condition: isClaimedIn(1, except) };
  const found = [];
  for await (const page of readForeignIds(database, { ...keyOf(requestId), batch }, chosen)) found.push(...page);
  return found.map(({ seq, id }) => `${seq} ${id}`);
}

test('reads the foreign ids of a batch by subject, without those that a call leaves out or another batch has', async () => {
  const requestId = await given('read');
  expect(await readAll(requestId)).toEqual(['1 cus-1', '1 cus-1b', '2 cus-2']);
  expect(await readAll(requestId, [1])).toEqual(['2 cus-2']);
  expect(await readAll(requestId, [], 'g1h')).toEqual([]);
});

test('replaces the foreign ids of a subject and keeps those of the others, idempotently', async () => {
  const requestId = await given('replaced');
  for (let twice = 0; twice < 2; twice++)
    await keepForeignIds(database, keyOf(requestId), [{ seq: 1, ids: ['cus-9', 'cus-9'] }]);
  expect(await readAll(requestId)).toEqual(['1 cus-9', '2 cus-2']);
  await keepForeignIds(database, keyOf(requestId), [{ seq: 1, ids: [] }]);
  expect(await readAll(requestId)).toEqual(['2 cus-2']);
});

test('purges foreign ids and tickets of a finished batch while a held subject keeps the request open', async () => {
  const [requestId, other] = [await given('finished'), await given('unfinished')];
  await finish(requestId);
  await purgeSubjects(database, { requestId, at: after(2) });
  expect(await storedOf(requestId)).toEqual({ ids: [], tickets: 0 });
  expect(await storedOf(other)).toEqual({ ids: ['cus-1', 'cus-1b', 'cus-2'], tickets: 1 });
  // A worker that was thought dead stores nothing either.
  await keepForeignIds(database, keyOf(requestId), FOUND);
  await keepTicketOf(requestId);
  expect(await storedOf(requestId)).toEqual({ ids: [], tickets: 0 });
});

test('stores no foreign id that arrives while the subjects are purged', async () => {
  const requestId = await given('race');
  await finish(requestId);
  await Promise.all([
    purgeSubjects(database, { requestId, at: after(2) }),
    ...Array.from({ length: 8 }, () => keepForeignIds(database, keyOf(requestId), FOUND)),
  ]);
  expect((await storedOf(requestId)).ids).toEqual([]);
});

test('purges foreign ids and tickets when the request ends, and stores none afterward', async () => {
  const requestId = await given('ended');
  await finish(requestId);
  await world.sql`UPDATE lethe.subjects SET state = 'cancelled' WHERE request_id = ${requestId} AND state = 'soft_deleted'`;
  expect(await conclude(database, { requestId, at: after(3) })).toEqual({ status: 'completed' });
  expect(await storedOf(requestId)).toEqual({ ids: [], tickets: 0 });
  await keepForeignIds(database, keyOf(requestId), FOUND);
  await keepTicketOf(requestId);
  expect(await storedOf(requestId)).toEqual({ ids: [], tickets: 0 });
});

test('stores no foreign id of an export that is ready', async () => {
  const requestId = await givenExport(world, [user('exported-1'), user('exported-2')]);
  await keepForeignIds(database, { ...keyOf(requestId), batch: 'e1' }, FOUND);
  expect((await storedOf(requestId)).ids).toHaveLength(3);
  await markReady(world, requestId);
  await keepForeignIds(database, { ...keyOf(requestId), batch: 'e2' }, FOUND);
  expect((await storedOf(requestId)).ids).toHaveLength(3);
});
