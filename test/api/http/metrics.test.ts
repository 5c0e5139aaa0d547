import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMetrics } from '../../../api/http/metrics.ts';
import { connect } from '../../../db/client.ts';
import { placeHold } from '../../../db/holds/holds.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { transaction } from '../../../db/transaction.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { reserveSlot } from '../../../db/systems/lanes.ts';
import { MINUTE_MS } from '../../../domain/calendar.ts';
import { newId } from '../../../domain/ids.ts';
import type { Catalog, Project } from '../../../domain/catalog.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import {
  accept,
  APP,
  claimAt,
  days,
  givenHiddenSubjects,
  KEYS,
  type Ledger,
  ledger,
  POLICY,
  RUN,
  START,
  user,
} from '../../support/ledger.ts';

const after = (minutes: number): Date => new Date(RUN.getTime() + minutes * 60_000);
const lanes = { erase: [{ calls: 1, perMs: 1_000 }] };
const demo: Project = {
  name: 'demo',
  directory: 'app',
  policy: POLICY,
  systems: [APP, { ...APP, name: 'mail', lanes }, { ...APP, name: 'idle', lanes }],
};
const CATALOG: Catalog = new Map([
  ['demo', demo],
  ['windowless', { ...demo, name: 'windowless', systems: [APP], policy: { ...POLICY, window: null } }],
]);

let world: Ledger;
let clock = START;
beforeAll(async () => {
  world = await ledger(['demo', 'windowless', 'forgotten']);
});
afterAll(async () => world.closeLedger());

const scraper = (database = world.database, timeoutMs = 5_000) => {
  const log: string[] = [];
  const logger = pino({}, { write: (line: string) => void log.push(line) });
  const { app, observe } = createMetrics({ database, catalog: CATALOG, now: () => clock, logger, timeoutMs });
  const text = async () => {
    const answer = await app.request('/metrics');
    expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, expect.stringMatching(/^text\/plain;/)]);
    return answer.text();
  };
  /** The series that are read from the database, without the prefix. */
  const databaseSeries = async () => {
    const lines = (await text()).split('\n').filter((line) => /^lethe_(?!http)/.test(line));
    return Object.fromEntries(
      lines.map((line) => [line.slice(6, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    );
  };
  return { app, observe, text, databaseSeries, log };
};

test('reports the state of the database without an identity, an id or a token', async () => {
  await accept(world, [user('canary-new')]);
  const waiting = await givenHiddenSubjects(world, [user('canary-a'), user('canary-b'), user('canary-c')]);
  await givenHiddenSubjects(world, [user('canary-held')]);
  await accept(world, [user('canary-late')], { dueAt: days(1), project: 'windowless' });
  await accept(world, [user('canary-gone')], { dueAt: days(1), project: 'forgotten', receivedAt: days(-1) });
  const counted = await accept(world, [user('canary-counted')]);
  await world.sql`UPDATE lethe.requests SET status = 'awaiting_confirmation', confirm = true, confirm_by = ${days(3)} WHERE id = ${counted}`;
  const hold = {
    kind: 'user',
    identities: [user('canary-held')],
    caseRef: 'C-7',
    heldBy: 'counsel',
    actor: 'mem_1',
  } as const;
  await placeHold(world.database, KEYS, { ...hold, id: newId('hold', 1), project: 'demo', at: START });
  for (const step of ['visibility', 'inspect'] as const)
    await transaction(world.database, (tx) =>
      raiseAttention(
        tx,
        { project: 'demo', requestId: waiting, system: 'app', step, batch: 0 },
        { code: 'system_unavailable', at: START, retryAt: START },
      ),
    );
  for (let call = 0; call < 4; call += 1)
    await reserveSlot(
      world.database,
      { project: 'demo', system: 'mail', lane: 'erase' },
      { windows: lanes.erase, slackMs: 0, longestMs: MINUTE_MS, now: START.getTime() },
    );
  await world.sql`INSERT INTO lethe.slots VALUES ('token/canary', ${days(1)})`;
  for (const [index, dueAt] of [days(-1), days(1), days(2)].entries())
    await world.sql`
      INSERT INTO lethe.manual_tasks (id, project, system, request_id, batch, pass, first_seq, last_seq, seqs, instruction, within_ms, opened_at, due_at, state)
      VALUES (${newId('task', index)}, 'demo', 'partner', ${waiting}, 1, 1, ${index}, ${index}, '{}', 'canary', 1, ${START}, ${dueAt}, 'open')`;

  clock = new Date(START.getTime() + 500);
  const scrape = scraper();
  expect(await scrape.databaseSeries()).toEqual({
    ledger_up: 1,
    'requests{project="demo",kind="deletion",status="received"}': 1,
    'requests{project="demo",kind="deletion",status="grace"}': 2,
    'requests{project="demo",kind="deletion",status="awaiting_confirmation"}': 1,
    'requests{project="windowless",kind="deletion",status="received"}': 1,
    'requests{project="forgotten",kind="deletion",status="received"}': 1,
    'requests_at_risk{project="demo"}': 0,
    'requests_at_risk{project="windowless"}': 1,
    'requests_at_risk{project="forgotten"}': 1,
    'attention{project="demo",system="app",code="system_unavailable"}': 1,
    'tasks{project="demo",system="partner",state="open"}': 2,
    'tasks{project="demo",system="partner",state="overdue"}': 1,
    'runs_missed{project="demo"}': 0,
    'runs_missed{project="windowless"}': 0,
    'oldest_unstarted_seconds{project="demo"}': 0.5,
    'oldest_unstarted_seconds{project="windowless"}': 0.5,
    'oldest_unstarted_seconds{project="forgotten"}': 86_400.5,
    'confirmations_waiting{project="demo"}': 1,
    'confirmations_waiting{project="windowless"}': 0,
    'confirmations_waiting{project="forgotten"}': 0,
    ...Object.fromEntries(
      ['demo', 'windowless', 'forgotten'].flatMap((project) => [
        [`project_lock_seconds{project="${project}"}`, 0],
        [`project_lock_waiting{project="${project}"}`, 0],
      ]),
    ),
    // Four were reserved: the first has begun, half a second ago.
    'slots_waiting{project="demo",system="mail"}': 3,
    'slots_waiting{project="demo",system="idle"}': 0,
  });
  expect(await scrape.text()).not.toMatch(/canary|(req|hold|mem|tok)_|C-7/);
  expect(await scrape.text()).toContain('process_cpu_user_seconds_total');

  // Series of ended attention are removed.
  await world.sql`DELETE FROM lethe.attention`;
  await world.sql`UPDATE lethe.requests SET status = 'failed', failure = 'x', concluded_at = ${START} WHERE project <> 'demo'`;
  clock = new Date(clock.getTime() + 10_000);
  const later = await scrape.databaseSeries();
  expect(Object.keys(later).filter((name) => name.startsWith('attention'))).toEqual([]);
  expect(later).toMatchObject({
    'requests{project="windowless",kind="deletion",status="failed"}': 1,
    'requests_at_risk{project="windowless"}': 0,
    'oldest_unstarted_seconds{project="windowless"}': 0,
    'slots_waiting{project="demo",system="mail"}': 0,
  });
  expect(later).not.toHaveProperty('requests{project="windowless",kind="deletion",status="received"}');

  // The run missed the three subjects of the unclaimed request, but not the held subject.
  const missed = async (at: Date) => {
    clock = at;
    return (await scrape.databaseSeries())['runs_missed{project="demo"}'];
  };
  expect([await missed(after(-1)), await missed(after(59)), await missed(after(60))]).toEqual([0, 0, 3]);
  expect(await missed(after(24 * 60))).toBe(3);
  const claimWithQuota = (quotaPerRun: number, asOf: Date) => claimAt(world, waiting, asOf, { quotaPerRun });
  expect(await claimWithQuota(1, after(24 * 60))).toEqual({ claimed: 1, leftForNextRun: 2, wake: [] });
  expect(await missed(after(24 * 60 + 61))).toBe(0);
  expect(await missed(after(48 * 60 + 60))).toBe(2);
});

test('counts ended requests for 90 days and open requests without a limit', async () => {
  await accept(world, [user('canary-open')], { project: 'forgotten' });
  const scrape = scraper();
  const countedStatuses = async (at: Date) => {
    clock = at;
    const names = Object.keys(await scrape.databaseSeries()).filter((name) => /^requests\{.*forgotten/.test(name));
    return names.map((name) => /status="(\w+)"/.exec(name)?.[1] ?? '').toSorted();
  };
  expect([await countedStatuses(days(89)), await countedStatuses(days(90))]).toEqual([
    ['failed', 'received'],
    ['received'],
  ]);
});

test('counts subjects that are due for over an hour as missed when there are no daily runs', async () => {
  const due = days(1);
  await givenHiddenSubjects(world, [user('canary-soon'), user('canary-sooner')], {
    project: 'windowless',
    hardDeleteAt: due,
  });
  const scrape = scraper();
  const missed = async (minutes: number) => {
    clock = new Date(due.getTime() + minutes * 60_000);
    return (await scrape.databaseSeries())['runs_missed{project="windowless"}'];
  };
  expect([await missed(-1), await missed(59), await missed(61)]).toEqual([0, 0, 2]);
});

test('sends one statement for all scrapes within ten seconds', async () => {
  const scrape = scraper();
  clock = days(2);
  world.statements.splice(0);
  await Promise.all(Array.from({ length: 20 }, () => scrape.text()));
  clock = new Date(clock.getTime() + 9_999);
  await scrape.text();
  expect(world.statements).toHaveLength(1);
  clock = new Date(clock.getTime() + 1);
  await scrape.text();
  expect(world.statements).toHaveLength(2);
  // A clock that is set back does not stop the updates.
  clock = days(1);
  await scrape.text();
  expect(world.statements).toHaveLength(3);
});

test('reports an unavailable database together with the metrics of the process', async () => {
  const database = connect(`postgres://lethe@127.0.0.1:${await freePort()}/away`, { connections: 1 });
  const scrape = scraper(database);
  scrape.observe({ method: 'GET', route: '/v1/requests/:id', status: 200, seconds: 0.02 });
  scrape.observe({ method: 'GET', route: null, status: 404, seconds: 3 });
  expect(await scrape.databaseSeries()).toEqual({ ledger_up: 0 });
  expect(scrape.log).toEqual([
    expect.stringContaining('"code":"ECONNREFUSED","msg":"metrics of the database unavailable"'),
  ]);
  const text = await scrape.text();
  const name = 'lethe_http_request_duration_seconds';
  expect(text).toContain(`${name}_count{method="GET",route="/v1/requests/:id",status="200"} 1`);
  expect(text).toContain(`${name}_bucket{le="0.01",method="GET",route="/v1/requests/:id",status="200"} 0`);
  expect(text).toContain(`${name}_bucket{le="0.025",method="GET",route="/v1/requests/:id",status="200"} 1`);
  expect(text).toContain(`${name}_sum{method="GET",route="",status="404"} 3`);
  expect(text).toContain('process_resident_memory_bytes');
  await database.$client.end({ timeout: 1 });
});

test('reports a hanging database as down and does not send a second statement meanwhile', async () => {
  const scrape = scraper(world.reading, 200);
  clock = days(3);
  world.statements.splice(0);
  await transaction(world.database, async (tx) => {
    await tx.$client`LOCK TABLE lethe.requests`;
    expect(await scrape.databaseSeries()).toEqual({ ledger_up: 0 });
    clock = new Date(clock.getTime() + 10_000);
    expect(await scrape.databaseSeries()).toEqual({ ledger_up: 0 });
    expect(world.statements.filter((statement) => statement.includes('runs_missed'))).toHaveLength(1);
  });
  await expect
    .poll(async () => {
      clock = new Date(clock.getTime() + 10_000);
      return (await scrape.databaseSeries())['ledger_up'];
    })
    .toBe(1);
});

test('serves no other path at the address of the metrics', async () => {
  const { app } = scraper();
  for (const path of ['/', '/v1/requests', '/healthz', '/openapi.json'])
    expect((await app.request(path)).status).toBe(404);
  expect((await app.request('/metrics', { method: 'POST' })).status).toBe(404);
});

test('reports how long the lock of a project is held and how many wait for it', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: acquired, resolve: markAcquired } = Promise.withResolvers<void>();
  const holding = withProjectLock(world.database, 'demo', async () => {
    markAcquired();
    await released;
  });
  await acquired;
  const waiting = [1, 2].map(() => withProjectLock(world.database, 'demo', async () => undefined));
  await expect.poll(async () => (await scraper().databaseSeries())['project_lock_waiting{project="demo"}']).toBe(2);
  const series = await scraper().databaseSeries();
  expect(series['project_lock_seconds{project="demo"}']).toBeGreaterThan(0);
  expect(series['project_lock_seconds{project="windowless"}']).toBe(0);
  expect(series['project_lock_waiting{project="windowless"}']).toBe(0);
  release();
  await Promise.all([holding, ...waiting]);
  expect(await scraper().databaseSeries()).toMatchObject({
    'project_lock_seconds{project="demo"}': 0,
    'project_lock_waiting{project="demo"}': 0,
  });
});
