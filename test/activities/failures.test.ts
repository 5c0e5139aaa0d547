import {
  ApplicationFailure,
  CancelledFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
} from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DrizzleQueryError, sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import type { Connector } from '../../connectors/connector.ts';
import { transaction } from '../../db/transaction.ts';
import { raiseAttention } from '../../db/attention/raise.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { ERROR_STATUS } from '../../domain/errors.ts';
import { accept, START } from '../support/ledger.ts';
import {
  batchAt,
  claimedRequest,
  hiddenRequest,
  mine,
  perform,
  RUN,
  rowsIn,
  stepAt,
  withSetting,
  world,
} from './support.ts';

withSetting();

const CLOSED = /^(unavailable|refused|coverage_broken|blocked_by_other_rows|timeout|storage_(unavailable|[A-Z0-9_]+))$/;
const SENTENCES = ['the system could not do it', 'storage operation failed', 'refused by the ledger'];

/** What Temporal would store of it, as text; a failure is only what was thrown on purpose. */
async function failureOf(done: Promise<unknown>): Promise<{ type: string; stored: string; nonRetryable: boolean }> {
  const error: unknown = await done.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApplicationFailure)) throw new Error('no application failure', { cause: error });
  const type = error.type ?? '';
  expect(CLOSED.test(type) || Object.hasOwn(ERROR_STATUS, type), `${type} is of a closed list`).toBe(true);
  expect(SENTENCES).toContain(error.message);
  expect(error.stack).toBe(`ApplicationFailure: ${error.message}`);
  expect(error.cause).toBeUndefined();
  expect(error.details ?? []).toEqual([]);
  const stored = JSON.stringify(new DefaultFailureConverter().errorToFailure(error, defaultPayloadConverter));
  return { type, stored, nonRetryable: error.nonRetryable ?? false };
}

/** A trigger that quotes the row it refuses: the worst that a database can say. */
const quoting = (table: string, event: string): string => `
  CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION USING message = coalesce(OLD, NEW)::text, detail = coalesce(OLD, NEW)::text; END';
  CREATE TRIGGER tell BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION public.tell()`;

test('a customer’s database that quotes the row it will not delete: a closed code and a fixed sentence are left of it', async () => {
  const requestId = await claimedRequest(world);
  // Triggers of a mapped table have to be acknowledged, so it stands where the data map does not look for one.
  await world.app.unsafe(`
    CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION USING message = ''mine-1 mine-2 '' || NEW::text; END';
    CREATE TRIGGER tell BEFORE INSERT ON lethe_system.ranges FOR EACH ROW EXECUTE FUNCTION public.tell()`);
  const before = await rowsIn(world.app, 'app');
  const { type, stored, nonRetryable } = await failureOf(
    perform(world.activities.deleteBatch, batchAt(requestId, RUN)),
  );
  expect({ type, nonRetryable }).toEqual({ type: 'refused', nonRetryable: true });
  expect(stored).not.toMatch(/mine|tell|P0001|pg|node_modules|[a-z-]+\.ts/);
  expect(await rowsIn(world.app, 'app')).toEqual(before);
});

test.each([
  ['subject_identities', 'INSERT'],
  ['submitted_identities', 'UPDATE'],
])('a ledger that quotes the identity it will not store (%s): the same', async (table, event) => {
  const requestId = await accept(world, mine);
  await world.sql.unsafe(quoting(`lethe.${table}`, event));
  const { type, stored, nonRetryable } = await failureOf(
    perform(world.activities.resolveSubjects, stepAt(requestId, START)),
  );
  expect({ type, nonRetryable }).toEqual({ type: 'storage_P0001', nonRetryable: false });
  expect(stored).not.toMatch(/mine|tell|lethe\.|node_modules|[a-z-]+\.ts/);
});

test('an error of drizzle whose cause quotes a parameter leaves its code and a fixed sentence', async () => {
  const requestId = await claimedRequest(world);
  const error: unknown = await world.database
    .execute(sql`SELECT ${'mine-1'}::integer AS quoted`)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof DrizzleQueryError)) throw new Error('no error of drizzle', { cause: error });
  expect(error.cause?.message).toBe('invalid input syntax for type integer: "mine-1"');
  world.beforeReport.do = () => {
    throw error;
  };
  const { type, stored } = await failureOf(perform(world.activities.deleteBatch, batchAt(requestId, RUN)));
  expect(type).toBe('storage_22P02');
  expect(stored).not.toMatch(/mine|quoted|integer|Drizzle/);
});

test('whatever else is thrown inside an activity: its text stays inside', async () => {
  const requestId = await claimedRequest(world);
  world.beforeReport.do = () => {
    throw new TypeError('mine-1 is not iterable', { cause: new Error('mine-2') });
  };
  const { type, stored } = await failureOf(perform(world.activities.deleteBatch, batchAt(requestId, RUN)));
  expect(type).toBe('storage_unavailable');
  expect(stored).not.toMatch(/mine|iterable|TypeError/);
});

test('what is named in an input and does not exist is not repeated in the failure', async () => {
  const { stored } = await failureOf(perform(world.activities.readRequest, { requestId: 'mine-1' }));
  expect(stored).not.toContain('mine');
});

test('cancelled while it deletes: a cancellation and no failure, and what was committed is counted once', async () => {
  const requestId = await claimedRequest(world);
  const environment = new MockActivityEnvironment();
  world.beforeReport.do = () => environment.cancel();
  const cancelled: unknown = await environment
    .run(world.activities.deleteBatch, batchAt(requestId, RUN))
    .catch((error: unknown) => error);
  expect(cancelled).toBeInstanceOf(CancelledFailure);
  expect(JSON.stringify(cancelled)).not.toContain('mine');
  expect(await attention()).toEqual([]);
  expect(await world.app`SELECT FROM app.users WHERE user_id LIKE 'mine-%'`).toHaveLength(3);
  world.beforeReport.do = null;
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN), 2);
  expect(await world.app`SELECT FROM app.users WHERE user_id LIKE 'mine-%'`).toHaveLength(0);
  expect(await world.sql`SELECT FROM lethe.system_ranges`).toHaveLength(3);
});

const attention = async () =>
  world.sql<{ step: string; code: string; since: Date; retryAt: Date | null }[]>`
    SELECT step, code, since, retry_at FROM lethe.attention`;
const auditLog = async () =>
  (
    await world.sql<
      { action: string }[]
    >`SELECT action FROM lethe.audit_events WHERE action LIKE 'attention.%' ORDER BY id`
  ).map(({ action }) => action);

type StepName = 'resolveSubjects' | 'inspectSystem' | 'applyVisibility' | 'searchUnresolved' | 'concludeSystem';
const STEPS: readonly (readonly [StepName | 'deleteBatch' | 'verifyBatch', keyof Connector, string])[] = [
  ['resolveSubjects', 'resolve', 'resolve'],
  ['inspectSystem', 'inspect', 'inspect'],
  ['applyVisibility', 'setVisibility', 'visibility'],
  ['searchUnresolved', 'count', 'resolve'],
  ['deleteBatch', 'hardDelete', 'delete'],
  ['verifyBatch', 'verify', 'delete'],
  ['concludeSystem', 'conclude', 'conclude'],
];

/** A request that stands where the step is the next. */
async function before(step: (typeof STEPS)[number][0]): Promise<string> {
  if (step === 'deleteBatch') return claimedRequest(world);
  if (step === 'verifyBatch') {
    const requestId = await claimedRequest(world);
    await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
    return requestId;
  }
  if (step === 'concludeSystem' || step === 'inspectSystem') return hiddenRequest(world);
  const requestId = await accept(world, step === 'searchUnresolved' ? [{ type: 'user_id', value: ['nobody'] }] : mine);
  if (step !== 'resolveSubjects') await perform(world.activities.resolveSubjects, stepAt(requestId, START));
  return requestId;
}

test.each(STEPS)(
  '%s away: attention at the third attempt and not before, its first timestamp kept, gone with its reason',
  async (name, verb, step) => {
    const requestId = await before(name);
    const at = (attempt: number) => new Date(RUN.getTime() + attempt * 1_000);
    const attempt = (n: number): Promise<unknown> => perform(stepOf(name), batchAt(requestId, at(n)), n);
    world.faults.away.add(verb);
    for (const n of [1, 2]) {
      expect(await failureOf(attempt(n))).toMatchObject({ type: 'unavailable', nonRetryable: false });
      expect(await attention()).toEqual([]);
    }
    for (const n of [3, 4]) {
      await failureOf(attempt(n));
      expect(await attention()).toMatchObject([{ step, code: 'system_unavailable', since: at(3) }]);
    }
    world.faults.away.clear();
    await attempt(5);
    expect(await attention()).toEqual([]);
    expect(await auditLog()).toEqual(['attention.raised', 'attention.cleared']);
  },
);

test.each(STEPS)(
  '%s refused for good: attention at once, and tried again in a day at the earliest',
  async (name, verb, step) => {
    const requestId = await before(name);
    world.faults.refused.add(verb);
    const failure = await failureOf(perform(stepOf(name), batchAt(requestId, RUN), 1));
    expect(failure).toMatchObject({ type: 'refused', nonRetryable: true });
    expect(await attention()).toMatchObject([
      { step, code: 'system_refused', since: RUN, retryAt: new Date(RUN.getTime() + DAY_MS) },
    ]);
  },
);

test('an inspection that gave up on its system has its say until the deletion’s own inspection succeeds', async () => {
  const requestId = await claimedRequest(world);
  world.faults.away.add('inspect');
  await failureOf(perform(world.activities.inspectSystem, stepAt(requestId, RUN), 3));
  expect(await attention()).toMatchObject([{ step: 'inspect', code: 'system_unavailable' }]);
  world.faults.away.clear();
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  expect(await attention()).toEqual([]);
});

test('an operator asked about growth stays asked, whatever a deletion of others finds in order', async () => {
  const requestId = await claimedRequest(world);
  const key = { project: 'demo', requestId, system: 'app', step: 'inspect', batch: 0 } as const;
  const grown = { code: 'resolution_grew', at: RUN, retryAt: null } as const;
  await transaction(world.database, (tx) => raiseAttention(tx, key, grown));
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  expect(await attention()).toMatchObject([{ step: 'inspect', code: 'resolution_grew' }]);
});

test('a table that nobody mapped, found before a batch is deleted: attention, and not a row goes', async () => {
  const requestId = await claimedRequest(world);
  await world.app`CREATE TABLE app.forgotten (user_id text REFERENCES app.users, note text)`;
  const before = await rowsIn(world.app, 'app');
  const failure = await failureOf(perform(world.activities.deleteBatch, batchAt(requestId, RUN)));
  expect(failure).toMatchObject({ type: 'coverage_broken', nonRetryable: true });
  expect(await attention()).toMatchObject([{ step: 'delete', code: 'coverage_broken' }]);
  expect(await rowsIn(world.app, 'app')).toEqual(before);
  expect(world.faults.calls).not.toContain('hardDelete');
});

function stepOf(name: (typeof STEPS)[number][0]): (input: ReturnType<typeof batchAt>) => Promise<unknown> {
  return world.activities[name];
}
