import { PUBLIC_URL } from '../support/archives.ts';
import { readDeletionRow } from '../../db/request-row.ts';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { pino } from 'pino';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createApp } from '../../api/app.ts';
import { memberWithToken } from '../../db/members.ts';
import type { Role } from '../../domain/vocabulary.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { workflowIdFor } from '../../domain/ids.ts';
import { KEYS, user } from '../support/ledger.ts';
import { attendedRequests } from '../support/operator.ts';
import { addUser, isHidden, rowsOf, WHOLE } from '../support/people.ts';
import { ended, eventually, nowOf, receiptOf, skippingUntil, statusOf, submit } from '../support/story.ts';
import { timeSkipping } from '../support/temporal.ts';
import { type World, world } from '../support/world.ts';

/** The real API, on the ledger that the real workers work on, at the instant of the server that skips time. */
let it: World;
let app: ReturnType<typeof createApp>;
const clock = { now: new Date() };
const tokens: Record<string, string> = {};

beforeAll(async () => {
  const policy = { callsPerMinute: 1_000_000 };
  it = await world(await timeSkipping(), {
    demo: { crm: true, policy },
    mute: { crm: true, crmVerification: 'none', policy },
  });
  app = createApp({
    database: it.database,
    keys: KEYS,
    catalog: it.deps.catalog,
    orchestrator: it.orchestrator,
    now: () => clock.now,
    storage: it.deps.storage,
    publicUrl: PUBLIC_URL,
    logger: pino({ level: 'silent' }),
  });
  for (const [name, project, role] of [
    ['ann', 'demo', 'owner'],
    ['bob', 'demo', 'owner'],
    ['cid', 'demo', 'admin'],
    ['dan', 'mute', 'owner'],
  ] as const satisfies readonly (readonly [string, string, Role])[]) {
    const added = await memberWithToken(it.database, { project, name, role, actor: 'test', at: await nowOf(it) });
    tokens[name] = added.token;
  }
  for (const sql of [it.app, it.crm]) await sql`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());
beforeEach(async () => {
  for (const sql of [it.app, it.crm])
    await sql`TRUNCATE app.users, app.events, app.orders, app.newsletter, app.invoices, app.aliases CASCADE`;
});

async function call(name: string, method: string, path: string, body?: unknown) {
  clock.now = await nowOf(it);
  // The server leaps by years where nothing is due: tokens would be too old each time.
  await it.database`UPDATE lethe.tokens SET created_at = ${clock.now}, expires_at = ${new Date(clock.now.getTime() + DAY_MS)}`;
  const headers = { Authorization: `Bearer ${tokens[name]}`, 'Content-Type': 'application/json' };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await app.request(path, init, { incoming: { socket: { remoteAddress: '127.0.0.1' } } });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}
async function create(name: string, subjects: unknown, more: Record<string, unknown> = {}): Promise<string> {
  const project = name === 'dan' ? 'mute' : 'demo';
  const asked = { project, kind: 'deletion', regulation: 'gdpr', subjects, confirm: true, ...more };
  const { status, json } = await call(name, 'POST', '/v1/requests', asked);
  expect([status, json.status]).toEqual([202, 'received']);
  return String(json.id);
}
const confirm = (name: string, id: string, expectedCount: number, more: Record<string, unknown> = {}) =>
  call(name, 'POST', `/v1/requests/${id}/confirm`, { expectedCount, ...more });
const read = async (id: string, name = 'ann') => (await call(name, 'GET', `/v1/requests/${id}`)).json;
const counted = (id: string) =>
  eventually('counted', async () => (await statusOf(it, id)).status === 'awaiting_confirmation');

/** Every table of the customer's application, row by row. */
async function contents(sql: postgres.Sql): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'app' ORDER BY table_name`;
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await sql<{ sum: string }[]>`
      SELECT count(*) || ' ' || coalesce(md5(string_agg(row::text, E'\n' ORDER BY row::text)), '') AS sum FROM ${sql(`app.${name}`)} row`;
    sums[name] = row?.sum ?? '';
  }
  return sums;
}
const everything = async () => [await contents(it.app), await contents(it.crm)];
/** What Lethe keeps beside a customer's tables: who is hidden, and the identities of batches under way. */
async function kept(sql: postgres.Sql) {
  const [row] = await sql`SELECT (SELECT count(*)::int FROM lethe_processor.tombstones) AS tombstones,
    (SELECT count(*)::int FROM lethe_processor.batch) AS identities`;
  return row;
}
const nothingKept = { tombstones: 0, identities: 0 };

/** 2 500 in `app` and 500 of them in `crm`, by a handful of statements. */
async function addMany(count: number): Promise<void> {
  for (const [sql, number] of [
    [it.app, count],
    [it.crm, count / 5],
  ] as const) {
    await sql`INSERT INTO app.users (user_id, xng_id, email, business_unit, name, created_at)
      SELECT 'm-' || n, gen_random_uuid(), 'm-' || n || '@example.test', 'berlin', 'N', '2025-01-01' FROM generate_series(1, ${number}) n`;
    await sql`INSERT INTO app.events (event_id, user_id, occurred_at, name)
      SELECT nextval('app.test_events'), 'm-' || n, '2025-02-01', 'seen' FROM generate_series(1, ${number}) n, generate_series(1, 2)`;
    await sql`INSERT INTO app.orders SELECT gen_random_uuid(), 'm-' || n, '2025-02-01' FROM generate_series(1, ${number}) n`;
    await sql`INSERT INTO app.order_items SELECT order_id, 1, 'a', 100 FROM app.orders`;
    await sql`INSERT INTO app.newsletter SELECT 'm-' || n || '@example.test', 'berlin', '2025-03-01' FROM generate_series(1, ${number}) n`;
    await sql`INSERT INTO app.invoices SELECT nextval('app.test_events'), 'm-' || n, '2025-04-01', 100, 'Main St' FROM generate_series(1, ${number}) n`;
  }
}
const rowCounts = async (sql: postgres.Sql): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const name of ['users', 'events', 'orders', 'order_items', 'newsletter', 'invoices']) {
    const [row] = await sql<{ count: number }[]>`SELECT count(*)::int AS count FROM ${sql(`app.${name}`)}`;
    counts[`app.${name}`] = row?.count ?? -1;
  }
  return counts;
};

test(
  'everyone of 2 500 but three is counted, confirmed by another owner, and all are gone: not a page of them',
  { timeout: 300_000 },
  async () => {
    await addMany(2_500);
    // Who is spared: by key, by an alias, and both of whom one address is.
    await addUser(it.app, 'spared-key');
    await addUser(it.crm, 'spared-key');
    await addUser(it.app, 'spared-alias');
    await it.app`INSERT INTO app.aliases VALUES ('old-name', 'spared-alias')`;
    for (const id of ['home-1', 'home-2']) await addUser(it.app, id, { email: 'home@example.test' });
    const spared = ['spared-key', 'spared-alias', 'home-1', 'home-2'];
    const sparedRows = async () =>
      Promise.all([...spared.map((id) => rowsOf(it.app, id)), rowsOf(it.crm, 'spared-key')]);
    const rowsBefore = await sparedRows();
    const inApp = await rowCounts(it.app);
    const inCrm = await rowCounts(it.crm);
    const before = await everything();

    const except = [
      { type: 'user_id', value: 'spared-key' },
      { type: 'alias', value: 'old-name' },
      { type: 'email', value: ['HOME@example.test', 'berlin'] },
    ];
    const id = await create('ann', { kind: 'user', everyone: true, except });
    await counted(id);

    // Rows of the spared: 4 users with a newsletter less, since two share an address.
    const expected = (counts: Record<string, number>, users: number, addresses: number) => ({
      'app.users': (counts['app.users'] ?? 0) - users,
      'app.events': (counts['app.events'] ?? 0) - 3 * users,
      'app.orders': (counts['app.orders'] ?? 0) - users,
      'app.order_items': (counts['app.order_items'] ?? 0) - 2 * users,
      'app.newsletter': (counts['app.newsletter'] ?? 0) - addresses,
      'app.invoices': (counts['app.invoices'] ?? 0) - users,
    });
    const waiting = await read(id);
    expect(waiting).toMatchObject({
      status: 'awaiting_confirmation',
      confirmation: {
        needs: 'another_owner',
        subjects: 2_500,
        except: { submitted: 3, unmatched: [] },
        confirmedAt: null,
        confirmedBy: null,
      },
      subjects: { states: { proposed: 2_500, resolved: 0, soft_deleted: 0 } },
    });
    const confirmation = waiting.confirmation as {
      counts: { processor: string; tables: { table: string; rows: number }[] }[];
    };
    const told = confirmation.counts.map(({ processor, tables }) => [
      processor,
      Object.fromEntries(tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows])),
    ]);
    expect(told).toEqual([
      ['app', expected(inApp, 4, 3)],
      ['crm', expected(inCrm, 1, 1)],
    ]);
    // Nobody is hidden, and no row of the application is another than before.
    expect(await everything()).toEqual(before);
    expect([await kept(it.app), await kept(it.crm)]).toMatchObject([{ tombstones: 0 }, { tombstones: 0 }]);

    for (const [name, code] of [
      ['ann', 'needs_another_owner'],
      ['cid', 'needs_another_owner'],
    ] as const)
      expect(await confirm(name, id, 2_500)).toMatchObject({ status: 403, json: { code } });
    expect(await confirm('bob', id, 2_504)).toMatchObject({
      status: 409,
      json: { code: 'count_moved', subjects: 2_500 },
    });
    expect(await confirm('dan', id, 2_500)).toMatchObject({ status: 404 });
    expect((await statusOf(it, id)).states).toEqual({ proposed: 2_500 });
    const handle = it.env.client.workflow.getHandle(workflowIdFor(id));
    expect(await handle.query('progress')).toMatchObject({
      waitingFor: expect.stringMatching(/^a confirmation until /),
    });

    // In Temporal's own pages, too: counts, never who.
    const shown = JSON.stringify(await handle.query('__temporal_workflow_metadata'));
    expect(shown).toContain('| To be confirmed | 2500 subjects |');

    await it.env.sleep('2 days');
    expect(await confirm('bob', id, 2_500)).toMatchObject({ status: 202, json: { subjects: 2_500, attached: 0 } });
    const confirmedAt = clock.now;
    await eventually('hidden', async () => (await statusOf(it, id)).states.soft_deleted === 2_500);
    expect(await isHidden(it.app, 'm-2499')).toEqual({ flagged: true, hidden: true });
    expect(await isHidden(it.app, 'home-2')).toEqual({ flagged: false, hidden: false });
    // The grace period runs from the confirmation, two days after the request.
    const { hardDeleteAt } = await readDeletionRow(it.database, id);
    expect(hardDeleteAt.getTime()).toBeGreaterThanOrEqual(confirmedAt.getTime() + 14 * DAY_MS);

    expect(await ended(it, id)).toBe('completed');
    const left = { 'app.users': 4, 'app.events': 12, 'app.orders': 4, 'app.order_items': 8, 'app.newsletter': 3 };
    const own = { 'app.users': 1, 'app.events': 3, 'app.orders': 1, 'app.order_items': 2, 'app.newsletter': 1 };
    expect([await rowCounts(it.app), await rowCounts(it.crm)]).toMatchObject([left, own]);
    const [named] = await it.app<
      { count: number }[]
    >`SELECT count(*)::int AS count FROM app.invoices WHERE user_id LIKE 'm-%'`;
    expect(named?.count).toBe(0);
    expect(await sparedRows()).toEqual(rowsBefore);
    expect(await receiptOf(it, id)).toMatchObject({ status: 'completed', subjects: { deleted: 2_500 } });
    expect(await read(id)).toMatchObject({ confirmation: { subjects: 2_500, confirmedAt: confirmedAt.toISOString() } });
    const history = JSON.stringify(JSON.parse(historyToJSON(await handle.fetchHistory())), (key, value: unknown) =>
      key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value,
    );
    expect(history.includes('uncounted')).toBe(true);
    for (const name of ['m-17', 'spared', 'old-name', 'home'])
      expect([name, history.includes(name)]).toEqual([name, false]);
  },
);

test('nobody confirms it within three days: it ends by itself, every row is as it was, and it is too late', async () => {
  for (const sql of [it.app, it.crm]) await addUser(sql, 'late');
  const before = await everything();
  const id = await create('ann', { kind: 'user', everyone: true });
  await counted(id);
  expect(await ended(it, id)).toBe('cancelled');
  expect(await confirm('bob', id, 1)).toMatchObject({ status: 409, json: { code: 'confirmation_expired' } });
  expect(await read(id)).toMatchObject({ status: 'cancelled', subjects: { states: { cancelled: 1 } } });
  expect(await everything()).toEqual(before);
  expect([await kept(it.app), await kept(it.crm)]).toEqual([nothingKept, nothingKept]);
  const audit = await it.database<{ action: string }[]>`
    SELECT action FROM lethe.audit_events WHERE request_id = ${id} ORDER BY id`;
  expect(audit.map(({ action }) => action)).toEqual([
    'request.received',
    'subjects.resolved',
    'confirmation.asked',
    'confirmation.lapsed',
    'request.cancelled',
  ]);
});

test('the dry run: cancelled while it waits it ends at once, and every row is as it was', async () => {
  for (const sql of [it.app, it.crm]) await addUser(sql, 'dry');
  const callsBefore = it.faultsOf('demo').calls.length;
  const before = await everything();
  const id = await create('cid', { kind: 'user', identities: [{ type: 'user_id', value: 'dry' }] });
  await counted(id);
  const { confirmation } = await read(id);
  expect(confirmation).toMatchObject({ needs: 'member', subjects: 1, except: null });
  expect(await call('cid', 'POST', `/v1/requests/${id}/cancel`, {})).toMatchObject({
    status: 202,
    json: { cancelled: 1 },
  });
  await eventually('ended', async () => (await statusOf(it, id)).status === 'cancelled');
  expect(await confirm('bob', id, 1)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  expect(await everything()).toEqual(before);
  expect([await kept(it.app), await kept(it.crm)]).toEqual([nothingKept, nothingKept]);
  const [left] =
    await it.database`SELECT count(value) AS count FROM lethe.submitted_identities WHERE request_id = ${id}`;
  expect(left).toEqual({ count: 0 });
  for (const verb of ['setVisibility', 'hardDelete'] as const)
    expect(it.faultsOf('demo').calls.slice(callsBefore)).not.toContain(verb);
});
test('however it ends without a confirmation, no column of Lethe says who was meant or spared', async () => {
  for (const name of ['canary-1', 'canary-2']) for (const sql of [it.app, it.crm]) await addUser(sql, name);
  const person = (value: string) => ({ type: 'user_id', value });
  const everyone = { kind: 'user', everyone: true, except: [person('canary-2'), person('canary-nobody')] };
  const listed = { kind: 'user', identities: [person('canary-1'), person('canary-unknown')] };
  const asked = [await create('ann', everyone), await create('ann', listed, { suppress: true })] as const;
  for (const id of asked) await counted(id);
  expect(await tablesWith('canary')).toContain('lethe.submitted_identities');
  await call('ann', 'POST', `/v1/requests/${asked[1]}/cancel`, {});
  for (const id of asked) expect(await ended(it, id)).toBe('cancelled');
  expect(await tablesWith('canary')).toEqual([]);
  expect([await rowsOf(it.app, 'canary-1'), await rowsOf(it.crm, 'canary-2')]).toEqual([WHOLE, WHOLE]);
});

/** The tables, of the ledger and beside those of the customers, in which some row has the text. */
async function tablesWith(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [sql, schema] of [
    [it.database, 'lethe'],
    [it.app, 'lethe_processor'],
    [it.crm, 'lethe_processor'],
  ] as const) {
    const tables = await sql.unsafe<{ name: string }[]>(`SELECT oid::regclass::text AS name FROM pg_class
      WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'p')`);
    for (const { name } of tables)
      if ((await sql.unsafe(`SELECT FROM ${name} one WHERE one::text ILIKE '%${text}%' LIMIT 1`)).count > 0)
        found.push(name);
  }
  return found;
}

test('whom the directory does not know is counted too, and looked for once it is confirmed', async () => {
  await addUser(it.crm, 'only-crm');
  const identities = ['only-crm', 'nowhere'].map((value) => ({ type: 'user_id', value }));
  const id = await create('cid', { kind: 'user', identities });
  await counted(id);
  const { confirmation } = await read(id);
  const three = expect.arrayContaining([{ table: 'app.events', rows: 3 }]);
  expect(confirmation).toMatchObject({
    subjects: 2,
    counts: [{ processor: 'app' }, { processor: 'crm', tables: three }],
  });
  expect(await confirm('cid', id, 2)).toMatchObject({ status: 202 });
  expect(await ended(it, id)).toBe('completed');
  expect((await statusOf(it, id)).states).toEqual({ deleted: 1, not_found: 1 });
  // Nobody knows the address: only the directory would have said it.
  expect(await rowsOf(it.crm, 'only-crm')).toEqual({ newsletter: 1 });
});

test('another request for the same person is not kept waiting: it hides and deletes, and the confirmed one shares it', async () => {
  await addUser(it.app, 'twice');
  const id = await create('ann', { kind: 'user', identities: [{ type: 'user_id', value: 'twice' }] });
  await counted(id);
  const other = await submit(it, 'demo', [user('twice')]);
  await eventually('hidden', async () => (await statusOf(it, other)).states.soft_deleted === 1);
  expect(await confirm('bob', id, 1)).toMatchObject({ status: 202, json: { attached: 1 } });
  expect(await ended(it, other)).toBe('completed');
  expect(await ended(it, id)).toBe('completed');
  expect((await statusOf(it, id)).states).toEqual({ deleted: 1 });
  expect(await rowsOf(it.app, 'twice')).toEqual({});
});

test('a processor that is away is for an operator, and no confirmation is asked for before it is counted', async () => {
  for (const sql of [it.app, it.crm]) await addUser(sql, 'away');
  it.faultsOf('demo', 'crm').away.add('count');
  const id = await create('ann', { kind: 'user', identities: [{ type: 'user_id', value: 'away' }] });
  await skippingUntil(it, 'attention', async () => (await statusOf(it, id)).attention.length > 0);
  expect(await read(id)).toMatchObject({
    status: 'resolving',
    attention: [{ processor: 'crm', step: 'resolve', code: 'processor_unavailable' }],
    confirmation: { until: null, subjects: 1, counts: [{ processor: 'app' }] },
  });
  expect(await confirm('bob', id, 1)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  it.faultsOf('demo', 'crm').away.clear();
  await skippingUntil(it, 'counted', async () => (await statusOf(it, id)).status === 'awaiting_confirmation');
  expect((await statusOf(it, id)).attention).toEqual([]);
  expect(await call('ann', 'POST', `/v1/requests/${id}/cancel`, {})).toMatchObject({ status: 202 });
  await eventually('ended', async () => (await statusOf(it, id)).status === 'cancelled');
  expect(await rowsOf(it.app, 'away')).toEqual(WHOLE);
});

test('a processor that says nothing is told as such, and is no reason to wait', async () => {
  await addUser(it.app, 'mute');
  const id = await create('dan', { kind: 'user', identities: [{ type: 'user_id', value: 'mute' }] });
  await counted(id);
  expect(await read(id, 'dan')).toMatchObject({
    confirmation: { counts: [{ processor: 'app' }, { processor: 'crm', tables: null }] },
  });
  await call('dan', 'POST', `/v1/requests/${id}/cancel`, {});
  expect(await ended(it, id)).toBe('cancelled');
});

test('a wake that was lost: housekeeping repeats it, and what was confirmed goes on', async () => {
  await addUser(it.app, 'lost');
  const id = await create('ann', { kind: 'user', identities: [{ type: 'user_id', value: 'lost' }] });
  await counted(id);
  const wake = it.orchestrator.wake;
  it.orchestrator.wake = async () => {};
  expect(await confirm('bob', id, 1)).toMatchObject({ status: 202 });
  it.orchestrator.wake = wake;
  expect((await statusOf(it, id)).states).toEqual({ resolved: 1 });
  await it.database`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${id}`;
  expect(await attendedRequests(it)).toBe(1);
  await eventually('hidden', async () => (await statusOf(it, id)).states.soft_deleted === 1);
  expect(await ended(it, id)).toBe('completed');
});
