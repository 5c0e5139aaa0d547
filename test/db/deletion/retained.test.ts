import { expect, test } from 'vitest';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { buildReceipt } from '../../../db/deletion/receipt.ts';
import { listSubjects } from '../../../db/subjects/list.ts';
import type { FinishedRange } from '../../../domain/batch.ts';
import type { Identity } from '../../../domain/identity.ts';
import { applyVisibility, claimAt, givenHiddenSubjects, ledger, PROJECT, user } from '../../support/ledger.ts';
import { finish, scheduled } from './parts.ts';

const world = await ledger();
const TAX = 'tax law';
const STATISTICS = 'statistics';

/** A deletion whose subjects are claimed in the systems `app` and `mail`. */
async function givenClaimed(identities: readonly Identity[]): Promise<string> {
  const requestId = await scheduled(world, identities, { scope: 'data' });
  await applyVisibility(world, requestId);
  await claimAt(world, requestId);
  return requestId;
}

const record = (
  requestId: string,
  retained: FinishedRange['retained'],
  { system = 'app', pass = 1, ...changes }: Partial<FinishedRange> & { system?: string; pass?: number } = {},
) =>
  recordRange(world.database, { requestId, project: PROJECT, system, batch: 1 }, pass, {
    firstSeq: 1,
    lastSeq: 2,
    part: 0,
    tables: [],
    retained,
    ...changes,
  });

const entries = async (requestId: string) =>
  (await listSubjects(world.database, { requestId, project: PROJECT, after: 0, limit: 100 })).map(
    ({ outcome, retained }) => ({ outcome, retained }),
  );

test('adds up the retained rows of a subject per basis over tables, parts, passes and systems', async () => {
  const requestId = await givenClaimed([user('kept-1'), user('kept-2')]);
  await record(
    requestId,
    [
      { seq: 1, basis: TAX, rows: 2 },
      { seq: 1, basis: STATISTICS, rows: 5 },
      { seq: 1, basis: TAX, rows: 3 },
    ],
    { lastSeq: 1, part: 1 },
  );
  await record(requestId, [{ seq: 1, basis: TAX, rows: 1 }], { lastSeq: 1 });
  await record(requestId, [{ seq: 1, basis: TAX, rows: 1 }], { pass: 2 });
  await record(requestId, [{ seq: 1, basis: TAX, rows: 10 }], { system: 'mail' });
  await finish(world, requestId);
  const retained = [
    { basis: STATISTICS, rows: 5 },
    { basis: TAX, rows: 17 },
  ];
  expect(await entries(requestId)).toEqual([
    { outcome: 'deleted', retained },
    { outcome: 'deleted', retained: [] },
  ]);
  expect(await buildReceipt(world.database, requestId)).toMatchObject({ outcomes: { deleted: 2 } });
});

test('counts the retained rows of a range once when it is recorded repeatedly or concurrently', async () => {
  const requestId = await givenClaimed([user('again-1'), user('again-2')]);
  const retained = [
    { seq: 1, basis: TAX, rows: 2 },
    { seq: 2, basis: TAX, rows: 3 },
  ];
  await Promise.all(Array.from({ length: 4 }, () => record(requestId, retained)));
  await record(requestId, retained);
  await finish(world, requestId);
  expect(await entries(requestId)).toEqual([
    { outcome: 'deleted', retained: [{ basis: TAX, rows: 2 }] },
    { outcome: 'deleted', retained: [{ basis: TAX, rows: 3 }] },
  ]);
});

test('lists no retained rows when the subject is not deleted yet', async () => {
  const requestId = await givenClaimed([user('early-1'), user('early-2')]);
  await record(requestId, [{ seq: 1, basis: TAX, rows: 2 }]);
  expect(await entries(requestId)).toEqual([
    { outcome: 'soft_deleted', retained: [] },
    { outcome: 'soft_deleted', retained: [] },
  ]);
});

test('shares the retained rows of the owner with an attached subject that has another seq', async () => {
  const owner = await givenClaimed([user('shared-1'), user('shared-2')]);
  const attached = await givenHiddenSubjects(world, [user('shared-2')]);
  expect(await entries(attached)).toEqual([{ outcome: 'attached', retained: [] }]);
  await record(owner, [{ seq: 2, basis: TAX, rows: 4 }]);
  await finish(world, owner);
  expect(await entries(attached)).toEqual([{ outcome: 'deleted', retained: [{ basis: TAX, rows: 4 }] }]);
  expect(await buildReceipt(world.database, attached)).toMatchObject({ outcomes: { deleted: 1 } });
  const stored = await world.sql`SELECT FROM lethe.retained_rows WHERE request_id = ${attached}`;
  expect(stored).toHaveLength(0);
});
