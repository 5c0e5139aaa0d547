import { afterAll, beforeAll, expect, test } from 'vitest';
import { readArchiveFacts } from '../../../db/exports/archive.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { utcText } from '../../../domain/wording/format.ts';
import { progressQuery } from '../../../workflows/shared/messages.ts';
import { archiveText } from '../../support/world/archives.ts';
import { user } from '../../support/ledger.ts';
import { runHousekeeping, terminate } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { ended, eventually, sleepUntil, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';
import {
  hasKey,
  countStoredIdentities,
  waitForOnlyParts,
  waitForStatus,
  rowsIn,
  faultyStorage,
  submitExport,
} from './exporting.ts';

let world: World;
const storage = faultyStorage();
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), { demo: {}, two: { crm: true } }, { storage });
});
afterAll(async () => world.close());

const ALL_FILES = {
  'data/app/app.users.ndjson': 1,
  'data/app/app.events.ndjson': 3,
  'data/app/app.orders.ndjson': 1,
  'data/app/app.order_items.ndjson': 2,
  'data/app/app.newsletter.ndjson': 1,
  'data/app/app.invoices.ndjson': 1,
};
const nonEmpty = (rows: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0));

async function archiveOf(requestId: string) {
  const archive = await readArchiveFacts(world.database, requestId);
  if (archive === null) throw new Error('the archive was never ready');
  return archive;
}

test('archives every row of the subject and no other, purges the identities, and hides no subject', async () => {
  await addUser(world.app, 'u-1');
  await addUser(world.app, 'bystander');
  const requestId = await submitExport(world, 'demo', [user('u-1')], { notify: 'colleague@example.test' });
  await waitForStatus(world, requestId, 'ready');
  expect(nonEmpty(await rowsIn(world, requestId))).toEqual(ALL_FILES);
  expect(await archiveText(world, requestId)).not.toContain('bystander');
  expect((await statusOf(world, requestId)).states).toEqual({ exported: 1 });
  expect(await countStoredIdentities(world, requestId)).toBe(0);
  await waitForOnlyParts(world, storage, requestId);
  expect(await rowsOf(world.app, 'u-1')).toEqual(ALL_ROWS);
  expect(await isHidden(world.app, 'u-1')).toEqual({ flagged: false, hidden: false });
  const [row] = await world.sql<{ receipt: { subjects: number; notIncluded: string[]; files: { rows: number }[] } }[]>`
    SELECT receipt FROM lethe.requests WHERE id = ${requestId}`;
  expect(row?.receipt).toMatchObject({ subjects: 1, notIncluded: [] });
  expect(row?.receipt.files.reduce((sum, { rows }) => sum + rows, 0)).toBe((await archiveOf(requestId)).rows);
});

test('destroys the key, then the objects, and ends the request when the archive expires', async () => {
  await addUser(world.app, 'u-2');
  const requestId = await submitExport(world, 'demo', [user('u-2')]);
  await waitForStatus(world, requestId, 'ready');
  const { readyAt, expiresAt } = await archiveOf(requestId);
  expect(expiresAt.getTime() - readyAt.getTime()).toBe(7 * DAY_MS);
  await sleepUntil(world, new Date(expiresAt.getTime() - 60_000));
  expect((await statusOf(world, requestId)).status).toBe('ready');
  expect(nonEmpty(await rowsIn(world, requestId))).toEqual(ALL_FILES);

  const parts = await waitForOnlyParts(world, storage, requestId);
  const atRemoval: unknown[] = [];
  storage.onRemoval = async (id) => {
    if (id !== requestId) return;
    const objects = storage.objectsOf(id).length;
    atRemoval.push({ key: await hasKey(world, id), objects, status: (await statusOf(world, id)).status });
  };
  expect(await ended(world, requestId)).toBe('expired');
  storage.onRemoval = null;
  expect(atRemoval).toEqual([{ key: false, objects: parts, status: 'expired' }]);
  expect(storage.objectsOf(requestId)).toEqual([]);
  expect(await archiveOf(requestId)).toMatchObject({ reason: 'expired' });
});

test('destroys the key at the expiry while the storage is unavailable, and removes the objects afterwards', async () => {
  await addUser(world.app, 'u-3');
  const requestId = await submitExport(world, 'demo', [user('u-3')]);
  await waitForStatus(world, requestId, 'ready');
  const parts = await waitForOnlyParts(world, storage, requestId);
  storage.unavailable = true;
  await sleepUntil(world, new Date((await archiveOf(requestId)).expiresAt.getTime() + HOUR_MS / 4));
  await waitForStatus(world, requestId, 'expired');
  expect(await hasKey(world, requestId)).toBe(false);
  expect(storage.objectsOf(requestId)).toHaveLength(parts);
  expect((await statusOf(world, requestId)).attention).toMatchObject([
    { system: 'lethe', code: 'storage_unavailable' },
  ]);
  storage.unavailable = false;
  expect(await ended(world, requestId)).toBe('expired');
  expect(storage.objectsOf(requestId)).toEqual([]);
});

test('archives the rows of each system as of its own timestamp', async () => {
  await Promise.all([addUser(world.app, 'u-4'), addUser(world.crm, 'u-4', { events: 5 })]);
  const requestId = await submitExport(world, 'two', [user('u-4')]);
  await waitForStatus(world, requestId, 'ready');
  expect(await rowsIn(world, requestId)).toMatchObject({
    'data/app/app.events.ndjson': 3,
    'data/crm/app.events.ndjson': 5,
  });
  const [row] = await world.sql<{ receipt: { systems: { system: string; cutOffAt: string }[] } }[]>`
    SELECT receipt FROM lethe.requests WHERE id = ${requestId}`;
  expect(row?.receipt.systems.map(({ system }) => system)).toEqual(['app', 'crm']);
});

test('archives a subject that a deletion has hidden, and destroys the archive when the deletion claims the subject', async () => {
  await addUser(world.app, 'u-5');
  const deletion = await submit(world, 'demo', [user('u-5')]);
  await eventually('hidden', async () => (await statusOf(world, deletion)).states.soft_deleted === 1);
  await world.env.sleep('10 days');
  const requestId = await submitExport(world, 'demo', [user('u-5')]);
  await waitForStatus(world, requestId, 'ready');
  expect(nonEmpty(await rowsIn(world, requestId))).toEqual(ALL_FILES);
  expect(await ended(world, deletion)).toBe('completed');
  expect(await ended(world, requestId)).toBe('expired');
  expect(await archiveOf(requestId)).toMatchObject({ reason: 'subject_deleted' });
  expect(await hasKey(world, requestId)).toBe(false);
  expect(storage.objectsOf(requestId)).toEqual([]);
});

test('ends as not_found without a key and without an object when no system has data', async () => {
  const requestId = await submitExport(world, 'two', [user('unknown')]);
  expect(await ended(world, requestId)).toBe('not_found');
  expect(await statusOf(world, requestId)).toMatchObject({ states: { not_found: 1 } });
  expect(await hasKey(world, requestId)).toBe(false);
  expect(storage.objectsOf(requestId)).toEqual([]);
  expect(await countStoredIdentities(world, requestId)).toBe(0);
});

test('archives a subject that the directory does not know and a system does', async () => {
  await addUser(world.crm, 'u-6');
  const requestId = await submitExport(world, 'two', [user('u-6'), user('unknown-2')]);
  await waitForStatus(world, requestId, 'ready');
  expect((await statusOf(world, requestId)).states).toEqual({ exported: 1, not_found: 1 });
  expect(await rowsIn(world, requestId)).toMatchObject({ 'data/crm/app.events.ndjson': 3 });
});

test('archives a segment, a company, and everyone', async () => {
  await addUser(world.app, 'u-7');
  await addUser(world.app, 'u-8');
  await world.app`INSERT INTO app.segment_members VALUES ('trial', 'u-7'), ('trial', 'u-8')`;
  const segment = await submitExport(world, 'demo', [], { selection: { by: 'segment', segment: 'trial' } });
  await waitForStatus(world, segment, 'ready');
  expect((await statusOf(world, segment)).states).toEqual({ exported: 2 });
  expect(await rowsIn(world, segment)).toMatchObject({
    'data/app/app.users.ndjson': 2,
    'data/app/app.events.ndjson': 6,
  });

  await world.app`INSERT INTO app.companies VALUES (7, 'seven.test', 'Seven')`;
  await world.app`INSERT INTO app.memberships VALUES (7, 'u-7', 'owner')`;
  const company = await submitExport(world, 'demo', [{ type: 'domain', value: ['seven.test'] }], {
    subjectKind: 'company',
  });
  await waitForStatus(world, company, 'ready');
  expect(await rowsIn(world, company)).toEqual({
    'data/app/app.companies.ndjson': 1,
    'data/app/app.memberships.ndjson': 1,
  });

  const [row] = await world.app<{ users: string; events: string }[]>`
    SELECT (SELECT count(*) FROM app.users) AS users, (SELECT count(*) FROM app.events) AS events`;
  const everyone = await submitExport(world, 'demo', [], { selection: { by: 'everyone', except: [] } });
  await waitForStatus(world, everyone, 'ready');
  expect(await rowsIn(world, everyone)).toMatchObject({
    'data/app/app.users.ndjson': Number(row?.users),
    'data/app/app.events.ndjson': Number(row?.events),
  });
});

test('expires on time when housekeeping restarts a workflow that was terminated while ready', async () => {
  await addUser(world.app, 'u-9');
  const requestId = await submitExport(world, 'demo', [user('u-9')]);
  await waitForStatus(world, requestId, 'ready');
  const { expiresAt } = await archiveOf(requestId);
  // The time-skipping server stops skipping after a workflow is terminated with a running activity.
  await eventually('waits for the expiry', async () => {
    const { waitingFor } = await world.env.client.workflow.getHandle(workflowIdFor(requestId)).query(progressQuery);
    return waitingFor === `Expiry of the archive at ${utcText(expiresAt.getTime())}; can be downloaded until then`;
  });
  await terminate(world, requestId);
  await world.env.sleep('2 minutes');
  await runHousekeeping(world);
  expect(await ended(world, requestId)).toBe('expired');
  expect(await archiveOf(requestId)).toMatchObject({ reason: 'expired', expiresAt });
});

test('keeps every history short and free of identities', async () => {
  await addUser(world.app, 'canary-1');
  const requestId = await submitExport(world, 'demo', [user('canary-1')], { notify: 'canary-2@example.test' });
  await ended(world, requestId);
  for (const id of [workflowIdFor(requestId), `${workflowIdFor(requestId)}/app/1`]) {
    const history = await world.env.client.workflow.getHandle(id).fetchHistory();
    const text = JSON.stringify(history.events, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
    expect(text).toContain(requestId);
    expect(text).not.toMatch(/canary|AGE-SECRET/i);
    expect(history.events?.length).toBeLessThan(200);
  }
});

test('fails a request for a segment that the directory does not know, and ends one for an empty segment as not_found', async () => {
  await addUser(world.app, 'member-1');
  await addUser(world.app, 'member-2');
  await world.app`UPDATE app.users SET deleted_at = now() WHERE user_id = 'member-2'`;
  await world.app`INSERT INTO app.segment_members VALUES ('emptied', 'member-2')`;
  for (const request of [submit, submitExport]) {
    const [unknown, empty] = await Promise.all(
      ['missing', 'emptied'].map((segment) => request(world, 'demo', [], { selection: { by: 'segment', segment } })),
    );
    expect([await ended(world, unknown ?? ''), await ended(world, empty ?? '')]).toEqual(['failed', 'not_found']);
    expect(await statusOf(world, unknown ?? '')).toMatchObject({ states: {}, attention: [] });
    const [row] = await world.sql`SELECT failure, resolved_at, notify FROM lethe.requests WHERE id = ${unknown ?? ''}`;
    expect(row).toEqual({ failure: 'unknown_segment', resolvedAt: null, notify: null });
    const events = await world.sql`SELECT action, detail FROM lethe.audit_events WHERE request_id = ${unknown ?? ''}
      AND action = 'request.failed'`;
    expect([...events]).toEqual([{ action: 'request.failed', detail: { code: 'unknown_segment' } }]);
  }
  expect(await rowsOf(world.app, 'member-1')).toEqual(ALL_ROWS);
});
