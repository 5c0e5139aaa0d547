import { expect, test } from 'vitest';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { readProgress } from '../../../db/deletion/progress.ts';
import { buildReceipt } from '../../../db/deletion/receipt.ts';
import { listSubjects } from '../../../db/subjects/list.ts';
import { lookUp } from '../../../db/subjects/lookup.ts';
import type { FinishedRange } from '../../../domain/batch.ts';
import type { Identity } from '../../../domain/identity.ts';
import {
  APP,
  applyVisibility,
  claimAt,
  givenHiddenSubjects,
  KEYS,
  ledger,
  PROJECT,
  user,
} from '../../support/ledger.ts';
import { finish, scheduled } from './parts.ts';

const world = await ledger();
const NONE = { rows: 0, columns: [] };
const COLUMNS = ['email', 'name'];

/** A deletion whose subjects are claimed in the systems `app` and `mail`. */
async function givenClaimed(identities: readonly Identity[]): Promise<string> {
  const requestId = await scheduled(world, identities, { scope: 'data' });
  await applyVisibility(world, requestId);
  await claimAt(world, requestId);
  return requestId;
}

const record = (
  requestId: string,
  { system = 'app', pass = 1, ...range }: Partial<FinishedRange> & { system?: string; pass?: number },
) =>
  recordRange(world.database, { requestId, project: PROJECT, system, batch: 1 }, pass, {
    firstSeq: 1,
    lastSeq: 2,
    part: 0,
    tables: [],
    retained: [],
    ...range,
  });

const entries = async (requestId: string) =>
  (await listSubjects(world.database, { requestId, project: PROJECT, after: 0, limit: 100 })).map(
    ({ outcome, anonymised }) => ({ outcome, anonymised }),
  );
const tablesOf = async (requestId: string, system = 'app') =>
  (await buildReceipt(world.database, requestId)).systems.find((entry) => entry.system === system)?.tables;

test('adds up detached and anonymised rows per table over ranges, parts and passes, apart from removed ones', async () => {
  const requestId = await givenClaimed([user('sum-1'), user('sum-2')]);
  const replies = { table: 'app.replies', removed: 0, retained: [] };
  const users = { table: 'app.users', removed: 0, retained: [] };
  await record(requestId, { lastSeq: 1, tables: [{ ...replies, detached: 2 }, users] });
  await record(requestId, {
    firstSeq: 2,
    tables: [
      { ...replies, removed: 1, detached: 3 },
      { ...users, anonymised: { rows: 1, columns: ['name'] } },
    ],
  });
  await record(requestId, {
    pass: 2,
    tables: [
      { ...replies, detached: 1 },
      { ...users, anonymised: { rows: 1, columns: COLUMNS } },
    ],
  });
  await record(requestId, { system: 'mail', tables: [{ ...replies, detached: 10 }] });
  expect(await tablesOf(requestId)).toEqual([
    { ...replies, removed: 1, requested: null, blanked: 0, detached: 6, anonymised: NONE },
    { ...users, requested: null, blanked: 0, detached: 0, anonymised: { rows: 2, columns: COLUMNS } },
  ]);
  expect(await tablesOf(requestId, 'mail')).toEqual([
    { ...replies, requested: null, blanked: 0, detached: 10, anonymised: NONE },
  ]);
  expect(await readProgress(world.database, requestId)).toMatchObject([
    { system: 'app', removed: 1, detached: 6, anonymised: 2 },
    { system: 'mail', removed: 0, detached: 10, anonymised: 0 },
  ]);
});

test('keeps one entry per basis when a table retains rows on two bases', async () => {
  const requestId = await givenClaimed([user('basis-1'), user('basis-2')]);
  const [contract, tax] = ['contract', 'tax law'].map((basis) => ({ basis, rows: 2 }));
  if (contract === undefined || tax === undefined) throw new Error('two bases are named');
  const calls = { table: 'app.calls', removed: 1 };
  await record(requestId, { lastSeq: 1, tables: [{ ...calls, retained: [tax, contract] }] });
  await record(requestId, { firstSeq: 2, tables: [{ ...calls, retained: [{ ...tax, rows: 3 }] }] });
  await record(requestId, { pass: 2, tables: [{ ...calls, retained: [] }] });
  expect(await tablesOf(requestId)).toEqual([
    {
      ...calls,
      removed: 3,
      requested: null,
      blanked: 0,
      retained: [contract, { ...tax, rows: 5 }],
      detached: 0,
      anonymised: NONE,
    },
  ]);
});

test('reports an anonymised subject as deleted, with its rows and columns from all systems', async () => {
  const requestId = await givenClaimed([user('own-1'), user('own-2')]);
  const anonymised = [{ seq: 1, rows: 1, columns: ['name'] }];
  await record(requestId, { anonymised });
  await record(requestId, { anonymised });
  await record(requestId, { system: 'mail', anonymised: [{ seq: 1, rows: 1, columns: ['email'] }] });
  expect(await entries(requestId)).toEqual([
    { outcome: 'soft_deleted', anonymised: NONE },
    { outcome: 'soft_deleted', anonymised: NONE },
  ]);
  await finish(world, requestId);
  expect(await entries(requestId)).toEqual([
    { outcome: 'deleted', anonymised: { rows: 2, columns: COLUMNS } },
    { outcome: 'deleted', anonymised: NONE },
  ]);
  expect(await buildReceipt(world.database, requestId)).toMatchObject({
    subjects: { deleted: 2 },
    outcomes: { deleted: 2 },
  });
  const search = { project: PROJECT, kind: 'user', identity: user('own-1'), systems: ['app'] } as const;
  expect((await lookUp(world.database, KEYS, search)).requests).toMatchObject([
    { id: requestId, outcome: 'deleted', retained: [], anonymised: { rows: 2, columns: COLUMNS } },
  ]);
});

test('shares the anonymised rows of the owner with an attached subject', async () => {
  const owner = await givenClaimed([user('shared-1'), user('shared-2')]);
  const attached = await givenHiddenSubjects(world, [user('shared-2')]);
  await record(owner, { anonymised: [{ seq: 2, rows: 1, columns: COLUMNS }] });
  expect(await entries(attached)).toEqual([{ outcome: 'attached', anonymised: NONE }]);
  await finish(world, owner);
  expect(await entries(attached)).toEqual([{ outcome: 'deleted', anonymised: { rows: 1, columns: COLUMNS } }]);
  expect(await world.sql`SELECT FROM lethe.anonymised_rows WHERE request_id = ${attached}`).toHaveLength(0);
});

test('lists the copies of each system of the request that the application refreshes', async () => {
  const requestId = await givenClaimed([user('copy-1')]);
  const describe = (name: string, copies: string[]) => ({ ...APP, name, copies });
  const systems = [describe('app', ['app.sales_view']), describe('mail', []), describe('other', ['other.view'])];
  const { limits } = await buildReceipt(world.database, requestId, systems);
  expect(limits.filter((limit) => limit.includes('copies'))).toEqual([
    'These copies in the system app hold deleted rows until they are refreshed: app.sales_view.',
  ]);
});
