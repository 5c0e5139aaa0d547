import { afterAll, beforeAll, expect, test } from 'vitest';
import { readArchiveFacts } from '../../../db/exports/archive.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { progressQuery } from '../../../workflows/shared/messages.ts';
import { handedOut } from '../../support/world/handed-out.ts';
import { user } from '../../support/ledger.ts';
import { attendedRequests, terminate } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, WHOLE } from '../../support/world/people.ts';
import { ended, eventually, sleepUntil, statusOf, submit } from '../../support/world/story.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { type World, world } from '../../support/world/world.ts';
import { hasKey, namesLeft, reaches, rowsIn, spoiled, submitExport } from './exporting.ts';

let it: World;
const storage = spoiled();
beforeAll(async () => {
  it = await world(await timeSkipping(), { demo: {}, two: { crm: true } }, { storage });
  for (const sql of [it.app, it.crm]) await sql`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());

const EVERYTHING = {
  'data/app/app.users.ndjson': 1,
  'data/app/app.events.ndjson': 3,
  'data/app/app.orders.ndjson': 1,
  'data/app/app.order_items.ndjson': 2,
  'data/app/app.newsletter.ndjson': 1,
  'data/app/app.invoices.ndjson': 1,
};
const filled = (rows: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0));

async function archiveOf(requestId: string) {
  const archive = await readArchiveFacts(it.database, requestId);
  if (archive === null) throw new Error('it was never ready');
  return archive;
}

test('ready with all that is held and nothing else; the names leave, one object stays, nothing is hidden', async () => {
  await addUser(it.app, 'u-1');
  await addUser(it.app, 'bystander');
  const requestId = await submitExport(it, 'demo', [user('u-1')], { notify: 'colleague@example.test' });
  await reaches(it, requestId, 'ready');
  expect(filled(await rowsIn(it, requestId))).toEqual(EVERYTHING);
  expect(await handedOut(it, requestId)).not.toContain('bystander');
  expect((await statusOf(it, requestId)).states).toEqual({ exported: 1 });
  expect(await namesLeft(it, requestId)).toBe(0);
  await eventually('one object', async () => storage.objectsOf(requestId).length === 1);
  expect(await rowsOf(it.app, 'u-1')).toEqual(WHOLE);
  expect(await isHidden(it.app, 'u-1')).toEqual({ flagged: false, hidden: false });
  const [row] = await it.database<
    { receipt: { subjects: number; notIncluded: string[]; files: { rows: number }[] } }[]
  >`
    SELECT receipt FROM lethe.requests WHERE id = ${requestId}`;
  expect(row?.receipt).toMatchObject({ subjects: 1, notIncluded: [] });
  expect(row?.receipt.files.reduce((sum, { rows }) => sum + rows, 0)).toBe((await archiveOf(requestId)).rows);
});

test('it can be had until its time is over; then the key goes, then the objects, then it ends', async () => {
  await addUser(it.app, 'u-2');
  const requestId = await submitExport(it, 'demo', [user('u-2')]);
  await reaches(it, requestId, 'ready');
  const { readyAt, expiresAt } = await archiveOf(requestId);
  expect(expiresAt.getTime() - readyAt.getTime()).toBe(7 * DAY_MS);
  await sleepUntil(it, new Date(expiresAt.getTime() - 60_000));
  expect((await statusOf(it, requestId)).status).toBe('ready');
  expect(filled(await rowsIn(it, requestId))).toEqual(EVERYTHING);

  const atRemoval: unknown[] = [];
  storage.onRemoval = async (id) => {
    if (id !== requestId) return;
    const objects = storage.objectsOf(id).length;
    atRemoval.push({ key: await hasKey(it, id), objects, status: (await statusOf(it, id)).status });
  };
  expect(await ended(it, requestId)).toBe('expired');
  storage.onRemoval = null;
  expect(atRemoval).toEqual([{ key: false, objects: 1, status: 'expired' }]);
  expect(storage.objectsOf(requestId)).toEqual([]);
  expect(await archiveOf(requestId)).toMatchObject({ reason: 'expired' });
});

test('the storage is away at the expiry: unreadable at once, and removed when it is back', async () => {
  await addUser(it.app, 'u-3');
  const requestId = await submitExport(it, 'demo', [user('u-3')]);
  await reaches(it, requestId, 'ready');
  await eventually('one object', async () => storage.objectsOf(requestId).length === 1);
  storage.away = true;
  await sleepUntil(it, new Date((await archiveOf(requestId)).expiresAt.getTime() + DAY_MS));
  await reaches(it, requestId, 'expired');
  expect(await hasKey(it, requestId)).toBe(false);
  expect(storage.objectsOf(requestId)).toHaveLength(1);
  expect((await statusOf(it, requestId)).attention).toMatchObject([
    { processor: 'lethe', code: 'storage_unavailable' },
  ]);
  storage.away = false;
  expect(await ended(it, requestId)).toBe('expired');
  expect(storage.objectsOf(requestId)).toEqual([]);
});

test('two processors: each is in it with its own rows, as of its own instant', async () => {
  await Promise.all([addUser(it.app, 'u-4'), addUser(it.crm, 'u-4', { events: 5 })]);
  const requestId = await submitExport(it, 'two', [user('u-4')]);
  await reaches(it, requestId, 'ready');
  expect(await rowsIn(it, requestId)).toMatchObject({
    'data/app/app.events.ndjson': 3,
    'data/crm/app.events.ndjson': 5,
  });
  const [row] = await it.database<{ receipt: { processors: { processor: string; cutOffAt: string }[] } }[]>`
    SELECT receipt FROM lethe.requests WHERE id = ${requestId}`;
  expect(row?.receipt.processors.map(({ processor }) => processor)).toEqual(['app', 'crm']);
});

test('who is hidden by a deletion and named is in it; claimed afterwards, the archive is destroyed', async () => {
  await addUser(it.app, 'u-5');
  const deletion = await submit(it, 'demo', [user('u-5')]);
  await eventually('hidden', async () => (await statusOf(it, deletion)).states.soft_deleted === 1);
  await it.env.sleep('10 days');
  const requestId = await submitExport(it, 'demo', [user('u-5')]);
  await reaches(it, requestId, 'ready');
  expect(filled(await rowsIn(it, requestId))).toEqual(EVERYTHING);
  expect(await ended(it, deletion)).toBe('completed');
  expect(await ended(it, requestId)).toBe('expired');
  expect(await archiveOf(requestId)).toMatchObject({ reason: 'subject_deleted' });
  expect(await hasKey(it, requestId)).toBe(false);
  expect(storage.objectsOf(requestId)).toEqual([]);
});

test('nothing is held anywhere: not found, without a key and without an object', async () => {
  const requestId = await submitExport(it, 'two', [user('nobody')]);
  expect(await ended(it, requestId)).toBe('not_found');
  expect(await statusOf(it, requestId)).toMatchObject({ states: { not_found: 1 } });
  expect(await hasKey(it, requestId)).toBe(false);
  expect(storage.objectsOf(requestId)).toEqual([]);
  expect(await namesLeft(it, requestId)).toBe(0);
});

test('whom the directory does not know and a processor does is in it', async () => {
  await addUser(it.crm, 'u-6');
  const requestId = await submitExport(it, 'two', [user('u-6'), user('nobody-else')]);
  await reaches(it, requestId, 'ready');
  expect((await statusOf(it, requestId)).states).toEqual({ exported: 1, not_found: 1 });
  expect(await rowsIn(it, requestId)).toMatchObject({ 'data/crm/app.events.ndjson': 3 });
});

test('a segment, a company, and everyone', async () => {
  await addUser(it.app, 'u-7');
  await addUser(it.app, 'u-8');
  await it.app`INSERT INTO app.segment_members VALUES ('trial', 'u-7'), ('trial', 'u-8')`;
  const segment = await submitExport(it, 'demo', [], { selection: { by: 'segment', segment: 'trial' } });
  await reaches(it, segment, 'ready');
  expect((await statusOf(it, segment)).states).toEqual({ exported: 2 });
  expect(await rowsIn(it, segment)).toMatchObject({ 'data/app/app.users.ndjson': 2, 'data/app/app.events.ndjson': 6 });

  await it.app`INSERT INTO app.companies VALUES (7, 'seven.test', 'Seven')`;
  await it.app`INSERT INTO app.memberships VALUES (7, 'u-7', 'owner')`;
  const company = await submitExport(it, 'demo', [{ type: 'domain', value: ['seven.test'] }], {
    subjectKind: 'company',
  });
  await reaches(it, company, 'ready');
  expect(await rowsIn(it, company)).toEqual({
    'data/app/app.companies.ndjson': 1,
    'data/app/app.memberships.ndjson': 1,
  });

  const [row] = await it.app<{ users: string; events: string }[]>`
    SELECT (SELECT count(*) FROM app.users) AS users, (SELECT count(*) FROM app.events) AS events`;
  const everyone = await submitExport(it, 'demo', [], { selection: { by: 'everyone', except: [] } });
  await reaches(it, everyone, 'ready');
  expect(await rowsIn(it, everyone)).toMatchObject({
    'data/app/app.users.ndjson': Number(row?.users),
    'data/app/app.events.ndjson': Number(row?.events),
  });
});

test('terminated while it is ready: started again by housekeeping, it expires on its day', async () => {
  await addUser(it.app, 'u-9');
  const requestId = await submitExport(it, 'demo', [user('u-9')]);
  await reaches(it, requestId, 'ready');
  const { expiresAt } = await archiveOf(requestId);
  // A server that skips time stops doing so where a workflow ends amid its work.
  await eventually('at rest', async () => {
    const { waitingFor } = await it.env.client.workflow.getHandle(workflowIdFor(requestId)).query(progressQuery);
    return waitingFor === expiresAt.toISOString();
  });
  await terminate(it, requestId);
  await it.env.sleep('2 minutes');
  await attendedRequests(it);
  expect(await ended(it, requestId)).toBe('expired');
  expect(await archiveOf(requestId)).toMatchObject({ reason: 'expired', expiresAt });
});

test('no history names anybody, and none is long', async () => {
  await addUser(it.app, 'canary-1');
  const requestId = await submitExport(it, 'demo', [user('canary-1')], { notify: 'canary-2@example.test' });
  await ended(it, requestId);
  for (const id of [workflowIdFor(requestId), `${workflowIdFor(requestId)}/app/1`]) {
    const history = await it.env.client.workflow.getHandle(id).fetchHistory();
    const text = JSON.stringify(history.events, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
    expect(text).toContain(requestId);
    expect(text).not.toMatch(/canary|AGE-SECRET/i);
    expect(history.events?.length).toBeLessThan(200);
  }
});
