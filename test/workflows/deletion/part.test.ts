import type postgres from 'postgres';
import { beforeEach, expect, test } from 'vitest';
import type { NewRequest } from '../../../db/requests/create.ts';
import { readDeletionRow } from '../../../db/requests/row.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import { user } from '../../support/ledger.ts';
import { addEvents, addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  cancel,
  confirm,
  ended,
  endedInRealTime,
  eventually,
  expedite,
  hold,
  receiptOf,
  release,
  retry,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { withWorld } from '../../support/world/world.ts';
import { countLetheRows, NO_LETHE_ROWS } from '../application.ts';

const world = await withWorld({ demo: {}, two: { crm: true } });
beforeEach(async () => {
  for (const sql of [world.app, world.crm])
    await sql`TRUNCATE app.users, app.events, app.newsletter, app.invoices CASCADE`;
  for (const faults of allFaults()) faults.calls.length = 0;
});

const allFaults = () => [world.faultsOf('demo'), world.faultsOf('two'), world.faultsOf('two', 'crm')];
const calls = () => allFaults().flatMap((faults) => faults.calls);

/** Adds users with a name in their profile and events with source columns. */
async function addPeople(sql: postgres.Sql, ...ids: string[]): Promise<void> {
  for (const id of ids) await addUser(sql, id);
  await sql`UPDATE app.events SET ip = '10.1.2.3', sdk = 'web', utm_source = 'spring'`;
}

const TABLES = ['users', 'events', 'orders', 'order_items', 'newsletter', 'invoices'] as const;
type Contents = Record<(typeof TABLES)[number], Record<string, unknown>[]>;
/** Every row of the application, sorted. */
async function readContents(sql: postgres.Sql): Promise<Contents> {
  const tables = await Promise.all(
    TABLES.map(async (name) => [name, [...(await sql`SELECT * FROM ${sql(`app.${name}`)} row ORDER BY row::text`)]]),
  );
  return Object.fromEntries(tables) as Contents;
}
/** The same rows after a part deletion of this user. */
const CLEARED_SOURCES = { ip: null, sdk: null, utm_source: null };
const withClearedColumns = (before: Contents, id: string, scope: Exclude<Scope, 'data'>): Contents => {
  const changed = (rows: Contents['users'], cleared: object) =>
    rows.map((row) => (row['user_id'] === id ? { ...row, ...cleared } : row));
  return scope === 'categories'
    ? { ...before, users: changed(before.users, { name: null }) }
    : { ...before, events: changed(before.events, CLEARED_SOURCES) };
};
const sorted = (found: Contents): Contents =>
  Object.fromEntries(
    TABLES.map((name) => [name, found[name].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))]),
  ) as Contents;

const submitPart = (project: string, id: string, scope: Scope, changes: Partial<NewRequest> = {}) =>
  submit(world, project, [user(id)], { scope, regulation: 'ccpa', ...changes });
const waitForState = (requestId: string, state: 'scheduled' | 'soft_deleted', count = 1) =>
  eventually(state, async () => (await statusOf(world, requestId)).states[state] === count);
const runOf = async (requestId: string) => (await readDeletionRow(world.database, requestId)).hardDeleteAt;
const tablesOf = async (requestId: string, system = 'app') =>
  (await receiptOf(world, requestId)).systems.find(({ system: name }) => name === system)?.tables;

const BASIS = 'cannot be empty: created_at';
/** No row is detached or anonymised. */
const STAYS = { requested: null, detached: 0, anonymised: { rows: 0, columns: [] } };
const RECEIPT = {
  categories: [{ table: 'app.users', removed: 0, blanked: 1, retained: [{ basis: BASIS, rows: 1 }], ...STAYS }],
  sources: [{ table: 'app.events', removed: 0, blanked: 3, retained: [], ...STAYS }],
};

test.each(['categories', 'sources'] as const)(
  'clears the columns in every system at the run, hides no subject and keeps every row when the scope is %s',
  async (scope) => {
    for (const sql of [world.app, world.crm]) await addPeople(sql, 'p-1', 'bystander');
    const before = [await readContents(world.app), await readContents(world.crm)];
    const requestId = await submitPart('two', 'p-1', scope);
    await waitForState(requestId, 'scheduled');
    const run = await runOf(requestId);
    await sleepUntil(world, new Date(run.getTime() - 60_000));
    expect([await readContents(world.app), await readContents(world.crm)]).toEqual(before);
    expect(await isHidden(world.app, 'p-1')).toEqual({ flagged: false, hidden: false });
    expect(await statusOf(world, requestId)).toMatchObject({ status: 'grace', notHiddenIn: [] });
    expect(calls()).not.toContain('hardDelete');

    expect(await ended(world, requestId)).toBe('completed');
    const after = [await readContents(world.app), await readContents(world.crm)].map(sorted);
    expect(after).toEqual(before.map((rows) => sorted(withClearedColumns(rows, 'p-1', scope))));
    expect(after).not.toEqual(before.map(sorted));
    expect([await countLetheRows(world.app), await countLetheRows(world.crm)]).toEqual([NO_LETHE_ROWS, NO_LETHE_ROWS]);
    expect(calls()).not.toContain('setVisibility');
    // Each system verifies once after the deletion and once after the settle period.
    expect(calls().filter((verb) => verb === 'verify')).toHaveLength(4);
    const receipt = await receiptOf(world, requestId);
    expect(receipt).toMatchObject({ scope, status: 'completed', subjects: { deleted: 1 } });
    for (const system of ['app', 'crm']) {
      const changed = (await tablesOf(requestId, system))?.filter(({ blanked }) => blanked > 0);
      expect(changed).toEqual(RECEIPT[scope]);
    }
    expect(receipt.systems).toMatchObject([
      { state: 'verified', survivors: 0 },
      { state: 'verified', survivors: 0 },
    ]);
  },
);

test('clears columns that are written again before the verification, and counts them twice in the receipt', async () => {
  await addPeople(world.app, 'p-2', 'bystander');
  const before = await readContents(world.app);
  const requestId = await submitPart('demo', 'p-2', 'categories');
  const faults = world.faultsOf('demo');
  faults.afterDelete = async () => {
    faults.afterDelete = null;
    await world.app`UPDATE app.users SET name = 'again' WHERE user_id = 'p-2'`;
  };
  expect(await ended(world, requestId)).toBe('completed');
  expect(sorted(await readContents(world.app))).toEqual(sorted(withClearedColumns(before, 'p-2', 'categories')));
  expect(await tablesOf(requestId)).toEqual([{ ...RECEIPT.categories[0], blanked: 2 }]);
  const verifications = await world.sql`SELECT detail -> 'survivors' AS survivors FROM lethe.audit_events
    WHERE request_id = ${requestId} AND action = 'batch.verified' ORDER BY id`;
  expect(verifications.map(({ survivors }) => survivors as number)).toEqual([1, 0, 0]);
});

test('clears the columns of an event that arrives during the settle period', async () => {
  await addPeople(world.app, 'p-3');
  const requestId = await submitPart('demo', 'p-3', 'sources');
  await waitForState(requestId, 'scheduled');
  await sleepUntil(world, new Date((await runOf(requestId)).getTime() + 60_000));
  await eventually('verified once', async () => (await statusOf(world, requestId)).status === 'verifying');
  await addEvents(world.app, 'p-3', 2);
  await world.app`UPDATE app.events SET sdk = 'late' WHERE sdk IS NULL AND name = 'seen' AND event_id IN (
    SELECT event_id FROM app.events ORDER BY event_id DESC LIMIT 2)`;
  expect(await ended(world, requestId)).toBe('completed');
  expect(await world.app`SELECT DISTINCT ip, sdk, utm_source FROM app.events WHERE user_id = 'p-3'`).toEqual([
    CLEARED_SOURCES,
  ]);
  expect(await rowsOf(world.app, 'p-3')).toEqual({ ...ALL_ROWS, events: 5 });
  const events = (await tablesOf(requestId))?.find(({ table }) => table === 'app.events');
  expect(events).toMatchObject({ removed: 0, blanked: 5 });
});

test('runs in parallel with a full deletion of the same subject, and the full deletion removes the rows', async () => {
  await addPeople(world.app, 'p-4', 'bystander');
  const part = await submitPart('demo', 'p-4', 'categories');
  const fullDeletion = await submit(world, 'demo', [user('p-4')]);
  const late = await submitPart('demo', 'p-4', 'sources');
  await Promise.all([
    waitForState(part, 'scheduled'),
    waitForState(fullDeletion, 'soft_deleted'),
    waitForState(late, 'scheduled'),
  ]);
  expect(await isHidden(world.app, 'p-4')).toEqual({ flagged: true, hidden: true });
  for (const requestId of [part, fullDeletion, late]) expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'p-4')).toEqual({});
  expect(await rowsOf(world.app, 'bystander')).toEqual(ALL_ROWS);
  const removed = Object.fromEntries(
    (await tablesOf(fullDeletion))?.map(({ table, removed: rows }) => [table, rows]) ?? [],
  );
  expect(removed).toMatchObject({ 'app.users': 1, 'app.events': 3, 'app.orders': 1, 'app.newsletter': 1 });
  for (const requestId of [part, late])
    expect((await tablesOf(requestId))?.filter(({ removed: rows }) => rows !== 0)).toEqual([]);
  const again = await submit(world, 'demo', [user('p-4')]);
  expect(await ended(world, again)).toBe('not_found');
  expect(await receiptOf(world, again)).toMatchObject({ outcomes: { already_deleted: 1 } });
});

test('does not treat a subject as already deleted after a part deletion', async () => {
  await addPeople(world.app, 'p-5');
  const part = await submitPart('demo', 'p-5', 'sources', { expedite: { when: 'now', reason: 'a ticket' } });
  expect(await ended(world, part)).toBe('completed');
  expect(await rowsOf(world.app, 'p-5')).toEqual(ALL_ROWS);
  const fullDeletion = await submit(world, 'demo', [user('p-5')]);
  await waitForState(fullDeletion, 'soft_deleted');
  expect(await ended(world, fullDeletion)).toBe('completed');
  expect(await rowsOf(world.app, 'p-5')).toEqual({});
});

test('clears columns in the only system that knows the subject, and a later request ends as not_found', async () => {
  await addPeople(world.crm, 'p-6');
  const part = await submitPart('two', 'p-6', 'sources');
  await waitForState(part, 'scheduled');
  expect(await ended(world, part)).toBe('completed');
  expect(await world.crm`SELECT DISTINCT ip, sdk, utm_source FROM app.events`).toEqual([CLEARED_SOURCES]);
  await world.crm`TRUNCATE app.users, app.events CASCADE`;
  const later = await submit(world, 'two', [user('p-6')]);
  expect(await ended(world, later)).toBe('not_found');
  expect(await receiptOf(world, later)).toMatchObject({ outcomes: { not_found: 1 } });
});

test('clears the columns of a held subject after the release, not at its run', async () => {
  await addPeople(world.app, 'p-7');
  const before = await readContents(world.app);
  const requestId = await submitPart('demo', 'p-7', 'categories');
  await waitForState(requestId, 'scheduled');
  const { id } = await hold(world, 'demo', [user('p-7')]);
  await world.env.sleep('40 days');
  expect(await statusOf(world, requestId)).toMatchObject({ status: 'grace', heldSubjects: 1 });
  expect(await readContents(world.app)).toEqual(before);
  await release(world, 'demo', id);
  expect(await ended(world, requestId)).toBe('completed');
  expect(sorted(await readContents(world.app))).toEqual(sorted(withClearedColumns(before, 'p-7', 'categories')));
});

test('changes nothing when the part deletion is cancelled on day 3', async () => {
  await addPeople(world.app, 'p-8');
  const before = await readContents(world.app);
  const requestId = await submitPart('demo', 'p-8', 'sources');
  await waitForState(requestId, 'scheduled');
  await world.env.sleep('3 days');
  expect(await cancel(world, requestId, 'all')).toMatchObject({ cancelled: 1 });
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  await world.env.sleep('30 days');
  expect(await readContents(world.app)).toEqual(before);
  for (const verb of ['hardDelete', 'setVisibility'] as const) expect(calls()).not.toContain(verb);
});

test('counts the columns to clear and changes no row before everyone except one subject is confirmed', async () => {
  await addPeople(world.app, 'e-1', 'e-2', 'e-3', 'excluded');
  await world.app`UPDATE app.events SET ip = NULL, sdk = NULL, utm_source = NULL WHERE user_id = 'e-3'`;
  const before = await readContents(world.app);
  const everyone = { by: 'everyone', except: [user('excluded')] } as const;
  const requestId = await submit(world, 'demo', [], { scope: 'sources', confirm: true, selection: everyone });
  await eventually('counted', async () => (await statusOf(world, requestId)).status === 'awaiting_confirmation');
  const { counts, states } = await statusOf(world, requestId);
  expect([counts, states]).toEqual([[{ system: 'app', tables: [{ table: 'app.events', rows: 6 }] }], { proposed: 3 }]);
  expect(await readContents(world.app)).toEqual(before);
  await confirm(world, requestId, 3);
  await waitForState(requestId, 'scheduled', 3);
  expect(await isHidden(world.app, 'e-1')).toEqual({ flagged: false, hidden: false });
  expect(await ended(world, requestId)).toBe('completed');
  const after = ['e-1', 'e-2', 'e-3'].reduce((rows, id) => withClearedColumns(rows, id, 'sources'), before);
  expect(sorted(await readContents(world.app))).toEqual(sorted(after));
  expect(await world.app`SELECT DISTINCT sdk FROM app.events WHERE user_id = 'excluded'`).toEqual([{ sdk: 'web' }]);
});

test('raises attention when a constraint forbids an empty column, and completes after it is dropped', async () => {
  await addPeople(world.app, 'p-9');
  const before = await readContents(world.app);
  await world.app`ALTER TABLE app.users ADD CONSTRAINT named CHECK (name IS NOT NULL)`;
  const requestId = await submitPart('demo', 'p-9', 'categories');
  await waitForState(requestId, 'scheduled');
  await expedite(world, requestId, 'now');
  await eventually('attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  expect(await statusOf(world, requestId)).toMatchObject({
    attention: [
      { code: 'blocked_by_other_rows', blocked: [{ table: 'app.users', constraint: 'named', positions: [1] }] },
    ],
  });
  expect(await readContents(world.app)).toEqual(before);
  await world.app`ALTER TABLE app.users DROP CONSTRAINT named`;
  await retry(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(sorted(await readContents(world.app))).toEqual(sorted(withClearedColumns(before, 'p-9', 'categories')));
});
