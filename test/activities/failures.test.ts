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
  batchInput,
  claimedRequest,
  hiddenRequest,
  subjectIdentities,
  perform,
  RUN,
  rowsIn,
  stepInput,
  withWorldPerTest,
  world,
} from './support.ts';

withWorldPerTest();

const CLOSED = /^(unavailable|refused|coverage_broken|timeout|storage_(unavailable|[A-Z0-9_]+))$/;
const SENTENCES = ['the system failed', 'a database operation failed', 'the ledger rejected the operation'];

/** The failure as Temporal stores it. Throws unless it is an application failure with a closed code and a fixed sentence. */
async function failureOf(done: Promise<unknown>): Promise<{ type: string; stored: string; nonRetryable: boolean }> {
  const error: unknown = await done.then(
    () => new Error('the activity succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApplicationFailure)) throw new Error('no application failure', { cause: error });
  const type = error.type ?? '';
  expect(CLOSED.test(type) || Object.hasOwn(ERROR_STATUS, type), `${type} is a closed code`).toBe(true);
  expect(SENTENCES).toContain(error.message);
  expect(error.stack).toBe(`ApplicationFailure: ${error.message}`);
  expect(error.cause).toBeUndefined();
  expect(error.details ?? []).toEqual([]);
  const stored = JSON.stringify(new DefaultFailureConverter().errorToFailure(error, defaultPayloadConverter));
  return { type, stored, nonRetryable: error.nonRetryable ?? false };
}

/** A trigger whose error quotes the row that it rejects. */
const createQuotingTrigger = (table: string, event: string): string => `
  CREATE FUNCTION public.quote_row() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION USING message = coalesce(OLD, NEW)::text, detail = coalesce(OLD, NEW)::text; END';
  CREATE TRIGGER quote_row BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION public.quote_row()`;

test('reduces an error of a system that quotes a row to a closed code and a fixed sentence', async () => {
  const requestId = await claimedRequest(world);
  // On a table outside the data map, since triggers of mapped tables have to be acknowledged.
  await world.app.unsafe(`
    CREATE FUNCTION public.quote_row() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION USING message = ''leaver-1 leaver-2 '' || NEW::text; END';
    CREATE TRIGGER quote_row BEFORE INSERT ON lethe_system.ranges FOR EACH ROW EXECUTE FUNCTION public.quote_row()`);
  const before = await rowsIn(world.app, 'app');
  const { type, stored, nonRetryable } = await failureOf(
    perform(world.activities.deleteBatch, batchInput(requestId, RUN)),
  );
  expect({ type, nonRetryable }).toEqual({ type: 'refused', nonRetryable: true });
  expect(stored).not.toMatch(/leaver|quote_row|P0001|pg|node_modules|[a-z-]+\.ts/);
  expect(await rowsIn(world.app, 'app')).toEqual(before);
});

test.each([
  ['subject_identities', 'INSERT'],
  ['submitted_identities', 'UPDATE'],
])(
  'reduces an error of the ledger that quotes an identity of %s to a closed code and a fixed sentence',
  async (table, event) => {
    const requestId = await accept(world, subjectIdentities);
    await world.sql.unsafe(createQuotingTrigger(`lethe.${table}`, event));
    const { type, stored, nonRetryable } = await failureOf(
      perform(world.activities.resolveSubjects, stepInput(requestId, START)),
    );
    expect({ type, nonRetryable }).toEqual({ type: 'storage_P0001', nonRetryable: false });
    expect(stored).not.toMatch(/leaver|quote_row|lethe\.|node_modules|[a-z-]+\.ts/);
  },
);

test('reduces an error of drizzle whose cause quotes a parameter to a closed code', async () => {
  const requestId = await claimedRequest(world);
  const error: unknown = await world.database
    .execute(sql`SELECT ${'leaver-1'}::integer AS quoted`)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof DrizzleQueryError)) throw new Error('no error of drizzle', { cause: error });
  expect(error.cause?.message).toBe('invalid input syntax for type integer: "leaver-1"');
  world.beforeReport.do = () => {
    throw error;
  };
  const { type, stored } = await failureOf(perform(world.activities.deleteBatch, batchInput(requestId, RUN)));
  expect(type).toBe('storage_22P02');
  expect(stored).not.toMatch(/leaver|quoted|integer|Drizzle/);
});

test('does not pass on the text of an unexpected error', async () => {
  const requestId = await claimedRequest(world);
  world.beforeReport.do = () => {
    throw new TypeError('leaver-1 is not iterable', { cause: new Error('leaver-2') });
  };
  const { type, stored } = await failureOf(perform(world.activities.deleteBatch, batchInput(requestId, RUN)));
  expect(type).toBe('storage_unavailable');
  expect(stored).not.toMatch(/leaver|iterable|TypeError/);
});

test('does not repeat an unknown id of the input in the failure', async () => {
  const { stored } = await failureOf(perform(world.activities.readRequest, { requestId: 'leaver-1' }));
  expect(stored).not.toContain('leaver');
});

test('returns a cancellation, not a failure, when it is cancelled during a deletion, and counts committed rows once', async () => {
  const requestId = await claimedRequest(world);
  const environment = new MockActivityEnvironment();
  world.beforeReport.do = () => environment.cancel();
  const cancelled: unknown = await environment
    .run(world.activities.deleteBatch, batchInput(requestId, RUN))
    .catch((error: unknown) => error);
  expect(cancelled).toBeInstanceOf(CancelledFailure);
  expect(JSON.stringify(cancelled)).not.toContain('leaver');
  expect(await attention()).toEqual([]);
  expect(await world.app`SELECT FROM app.users WHERE user_id LIKE 'leaver-%'`).toHaveLength(3);
  world.beforeReport.do = null;
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN), 2);
  expect(await world.app`SELECT FROM app.users WHERE user_id LIKE 'leaver-%'`).toHaveLength(0);
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

type StepName = 'resolveSubjects' | 'inspectSystem' | 'applyVisibility' | 'searchUnresolved' | 'cleanUpSystem';
const STEPS: readonly (readonly [StepName | 'deleteBatch' | 'verifyBatch', keyof Connector, string])[] = [
  ['resolveSubjects', 'resolve', 'resolve'],
  ['inspectSystem', 'inspect', 'inspect'],
  ['applyVisibility', 'setVisibility', 'visibility'],
  ['searchUnresolved', 'count', 'resolve'],
  ['deleteBatch', 'hardDelete', 'delete'],
  ['verifyBatch', 'verify', 'verify'],
  ['cleanUpSystem', 'conclude', 'conclude'],
];

/** A request for which this step is the next one. */
async function requestBefore(step: (typeof STEPS)[number][0]): Promise<string> {
  if (step === 'deleteBatch') return claimedRequest(world);
  if (step === 'verifyBatch') {
    const requestId = await claimedRequest(world);
    await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
    return requestId;
  }
  if (step === 'cleanUpSystem' || step === 'inspectSystem') return hiddenRequest(world);
  const requestId = await accept(
    world,
    step === 'searchUnresolved' ? [{ type: 'user_id', value: ['unknown'] }] : subjectIdentities,
  );
  if (step !== 'resolveSubjects') await perform(world.activities.resolveSubjects, stepInput(requestId, START));
  return requestId;
}

test.each(STEPS)(
  '%s raises attention and leaves the retry to the rows at the third failed attempt, and clears it on success',
  async (name, verb, step) => {
    const requestId = await requestBefore(name);
    const at = (attempt: number) => new Date(RUN.getTime() + attempt * 1_000);
    const attempt = (n: number): Promise<unknown> => perform(stepOf(name), batchInput(requestId, at(n)), n);
    world.faults.away.add(verb);
    for (const n of [1, 2]) {
      expect(await failureOf(attempt(n))).toMatchObject({ type: 'unavailable', nonRetryable: false });
      expect(await attention()).toEqual([]);
    }
    for (const n of [3, 4]) {
      expect(await failureOf(attempt(n))).toMatchObject({ type: 'unavailable', nonRetryable: true });
      expect(await attention()).toMatchObject([{ step, code: 'system_unavailable', since: at(3) }]);
    }
    world.faults.away.clear();
    await attempt(5);
    expect(await attention()).toEqual([]);
    expect(await auditLog()).toEqual(['attention.raised', 'attention.cleared']);
  },
);

test.each(STEPS.filter(([, verb]) => verb !== 'inspect'))(
  '%s raises attention at once and is retried after a day when the system refuses',
  async (name, verb, step) => {
    const requestId = await requestBefore(name);
    world.faults.refused.add(verb);
    const failure = await failureOf(perform(stepOf(name), batchInput(requestId, RUN), 1));
    expect(failure).toMatchObject({ type: 'refused', nonRetryable: true });
    expect(await attention()).toMatchObject([
      { step, code: 'system_refused', since: RUN, retryAt: new Date(RUN.getTime() + DAY_MS) },
    ]);
  },
);

test('clears the attention of a failed inspection when the inspection of the deletion succeeds', async () => {
  const requestId = await claimedRequest(world);
  world.faults.away.add('inspect');
  await failureOf(perform(world.activities.inspectSystem, stepInput(requestId, RUN), 3));
  expect(await attention()).toMatchObject([{ step: 'inspect', code: 'system_unavailable' }]);
  world.faults.away.clear();
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  expect(await attention()).toEqual([]);
});

test('keeps the attention for growth when a deletion of other subjects succeeds', async () => {
  const requestId = await claimedRequest(world);
  const key = { project: 'demo', requestId, system: 'app', step: 'inspect', batch: 0 } as const;
  const grown = { code: 'resolution_grew', at: RUN, retryAt: null } as const;
  await transaction(world.database, (tx) => raiseAttention(tx, key, grown));
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  expect(await attention()).toMatchObject([{ step: 'inspect', code: 'resolution_grew' }]);
});

test('waits and deletes no row when a table is neither mapped nor ignored', async () => {
  const requestId = await claimedRequest(world);
  await world.app`CREATE TABLE app.forgotten (user_id text REFERENCES app.users, note text)`;
  const before = await rowsIn(world.app, 'app');
  const failure = await failureOf(perform(world.activities.deleteBatch, batchInput(requestId, RUN)));
  expect(failure).toMatchObject({ type: 'coverage_broken', nonRetryable: true });
  expect(await attention()).toEqual([]);
  expect(await world.sql`SELECT step, stopped FROM lethe.waits`).toMatchObject([{ step: 'delete', stopped: 'app' }]);
  expect(await rowsIn(world.app, 'app')).toEqual(before);
  expect(world.faults.calls).not.toContain('hardDelete');
});

function stepOf(name: (typeof STEPS)[number][0]): (input: ReturnType<typeof batchInput>) => Promise<unknown> {
  return world.activities[name];
}
