import { statusAt } from '../../support/ledger.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acceptRequest, type NewRequest } from '../../../db/requests/create.ts';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { newId } from '../../../domain/ids.ts';
import { matchOf, resolve } from '../../api/support/ledger.ts';
import { PROJECT, START, testApi } from '../../api/support/api.ts';

const { database } = await testApi();
const NEXT_RUN = new Date('2026-11-24T02:00:00.000Z');
const day = (number: number) => new Date(NEXT_RUN.getTime() + number * DAY_MS);
const AFTER_CLAIM_MS = 2 * DAY_MS;

interface Waiting {
  readonly day: number;
  readonly subjects: number;
  readonly due: number;
  readonly expedited: boolean;
  readonly state: 'resolved' | 'soft_deleted' | 'claimed' | 'cancelled';
}

function request(more: Partial<NewRequest>, quotaPerRun: number | null, subjects: number): NewRequest {
  const value = (index: number) => [`s-${index}`];
  return {
    id: newId('request', START.getTime()),
    project: 'demo',
    kind: 'deletion',
    subjectKind: 'user',
    regulation: 'gdpr',
    scope: 'data',
    selection: {
      by: 'identities',
      identities: Array.from({ length: subjects }, (_, index) => {
        return { type: 'user_id', value: value(index), outcome: null, reason: null, duplicateOf: null, line: null };
      }),
    },
    suppress: false,
    onConflict: 'attach',
    confirm: false,
    expedite: null,
    format: null,
    notify: null,
    exportFirst: false,
    submittedBy: 'test',
    receivedAt: START,
    dueAt: day(30),
    hardDeleteAt: day(14),
    forecast: { nextRunAt: NEXT_RUN, quotaPerRun, afterClaimMs: AFTER_CLAIM_MS },
    ...more,
  };
}

/** Others in the project, without the story of how they came there. */
async function backlog(waiting: readonly Waiting[]) {
  await database.$client`TRUNCATE lethe.requests, lethe.subjects CASCADE`;
  for (const one of waiting) {
    const earlier = request({ dueAt: day(one.due), hardDeleteAt: day(one.day) }, null, 0);
    await acceptRequest(database, earlier);
    const batch = one.state === 'claimed' ? 1 : null;
    await database.$client`
      INSERT INTO lethe.subjects (request_id, seq, project, kind, digest, known, state, hidden, generation, hard_delete_at, expedited, batch, claimed_at)
      SELECT ${earlier.id}, seq, 'demo', 'user', sha256(convert_to(${earlier.id} || seq, 'UTF8')), true, ${one.state}, true, 1, ${day(one.day)},
             ${one.expedited}, ${batch}, ${batch === null ? null : START}
      FROM generate_series(1, ${one.subjects}) seq`;
  }
}

/** The runs gone through one by one, as the claim does. */
function lastRun(
  waiting: readonly Waiting[],
  quota: number,
  mine: { first: number; due: number; expedited: boolean; subjects: number },
) {
  const ahead = waiting.filter(
    (one) =>
      (one.state === 'resolved' || one.state === 'soft_deleted') &&
      one.day <= mine.first &&
      (one.expedited || (!mine.expedited && one.due <= mine.due)),
  );
  let left = 0;
  for (let run = 0; run <= mine.first; run += 1) {
    left += ahead.filter((one) => Math.max(one.day, 0) === run).reduce((sum, one) => sum + one.subjects, 0);
    if (run < mine.first) left = Math.max(0, left - quota);
  }
  return mine.first + Math.ceil((left + mine.subjects) / quota) - 1;
}

test('the forecast is the run that going through all runs arrives at', async () => {
  const waiting = fc.record({
    day: fc.integer({ min: -3, max: 20 }),
    subjects: fc.integer({ min: 1, max: 40 }),
    due: fc.integer({ min: 20, max: 40 }),
    expedited: fc.boolean(),
    state: fc.constantFrom('resolved', 'soft_deleted', 'claimed', 'cancelled'),
  } as const);
  const mine = fc.record({
    first: fc.integer({ min: 0, max: 16 }),
    due: fc.integer({ min: 20, max: 40 }),
    expedited: fc.boolean(),
    subjects: fc.integer({ min: 1, max: 30 }),
  });
  const cases = fc.asyncProperty(
    fc.array(waiting, { maxLength: 8 }),
    mine,
    fc.integer({ min: 1, max: 25 }),
    async (others, own, quota) => {
      await backlog(others);
      const accepted = await acceptRequest(
        database,
        request(
          {
            dueAt: day(own.due),
            hardDeleteAt: day(own.first),
            expedite: own.expedited ? { when: 'next_run', reason: 'test' } : null,
          },
          quota,
          own.subjects,
        ),
      );
      const expected = day(lastRun(others, quota, own)).getTime() + AFTER_CLAIM_MS;
      expect(accepted.estimatedCompletionAt.getTime()).toBe(expected);
    },
  );
  await fc.assert(cases, { seed: 20_261_122, numRuns: 60 });
});

test('25 000 at 10 000 a day take three runs, and without a quota one', async () => {
  await backlog([{ day: 14, subjects: 23_000, due: 29, expedited: false, state: 'soft_deleted' }]);
  const limited = await acceptRequest(database, request({}, 10_000, 2_000));
  expect(limited.estimatedCompletionAt).toEqual(day(14 + 2 + 2));
  const unlimited = await acceptRequest(database, request({}, null, 2_000));
  expect(unlimited.estimatedCompletionAt).toEqual(day(14 + 2));
});

test("another project's backlog, and what is due only later, moves nothing", async () => {
  await backlog([{ day: 15, subjects: 500, due: 29, expedited: false, state: 'soft_deleted' }]);
  await database.$client`INSERT INTO lethe.subjects (request_id, seq, project, kind, digest, known, state, hidden, generation, hard_delete_at)
    SELECT id, 9000, 'other', 'user', '\\x00', true, 'soft_deleted', true, 1, ${day(14)} FROM lethe.requests LIMIT 1`;
  const accepted = await acceptRequest(database, request({}, 1, 1));
  expect(accepted.estimatedCompletionAt).toEqual(day(14 + 2));
});

/** What `mail` takes, the slowest of the project, and then the settle time. */
const SLOWEST_MS = 3 * DAY_MS + PROJECT.policy.settleMs;
const estimateOf = async (requestId: string) => (await statusAt(database, requestId, START)).estimatedCompletionAt;
const stored = async (more: Partial<NewRequest>, quotaPerRun: number | null, subjects: number) => {
  const one = request(more, quotaPerRun, subjects);
  await acceptRequest(database, one);
  return one.id;
};

test('how long a segment takes is known when it is resolved: 2 of 3 wait for a run after the first', async () => {
  await backlog([]);
  const id = await stored({ selection: { by: 'segment', segment: 'dormant' } }, 1, 0);
  expect(await estimateOf(id)).toEqual(day(14 + 2));
  const members = ['seg-a', 'seg-b', 'seg-c'].map((key) => ({ ...matchOf(0, key), position: null }));
  const policy = { ...PROJECT.policy, quotaPerRun: 1 };
  await resolve(database, id, members, START, { policy });
  const renewed = new Date(day(14 + 2).getTime() + SLOWEST_MS);
  expect(await estimateOf(id)).toEqual(renewed);
  // Just before the claim it is resolved again: its own subjects are no backlog of its own.
  await resolve(database, id, [matchOf(1, 'seg-a'), matchOf(2, 'seg-b'), matchOf(3, 'seg-c')], START, { policy });
  expect(await estimateOf(id)).toEqual(renewed);
});

test('brought forward, it still takes as long as the slowest system, and its turns of the quota', async () => {
  await backlog([]);
  const [id, late] = [await stored({}, 10, 1), await stored({ hardDeleteAt: day(-1) }, 10, 1)];
  const by = { expedite: 'next_run', reason: 'asked for', actor: 'operator', at: START } as const;
  await expediteRequest(database, PROJECT, { requestId: id, ...by });
  expect(await estimateOf(id)).toEqual(new Date(NEXT_RUN.getTime() + SLOWEST_MS));
  await expediteRequest(database, PROJECT, { requestId: late, ...by });
  expect(await estimateOf(late)).toEqual(day(-1 + 2));

  const many = await stored({}, 10, 3);
  const slow = { ...PROJECT, policy: { ...PROJECT.policy, quotaPerRun: 1 } };
  await resolve(database, many, [matchOf(1, 'm-a'), matchOf(2, 'm-b'), matchOf(3, 'm-c')], START);
  await expediteRequest(database, slow, { requestId: many, ...by });
  expect(await estimateOf(many)).toEqual(new Date(day(2).getTime() + SLOWEST_MS));
});
