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

function makeRequest(more: Partial<NewRequest>, quotaPerRun: number | null, subjects: number): NewRequest {
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

/** Inserts the rows of waiting subjects in the project directly. */
async function givenBacklog(waiting: readonly Waiting[]) {
  await database.$client`TRUNCATE lethe.requests, lethe.subjects CASCADE`;
  for (const group of waiting) {
    const earlier = makeRequest({ dueAt: day(group.due), hardDeleteAt: day(group.day) }, null, 0);
    await acceptRequest(database, earlier);
    const batch = group.state === 'claimed' ? 1 : null;
    await database.$client`
      INSERT INTO lethe.subjects (request_id, seq, project, kind, digest, known, state, hidden, generation, hard_delete_at, expedited, batch, claimed_at)
      SELECT ${earlier.id}, seq, 'demo', 'user', sha256(convert_to(${earlier.id} || seq, 'UTF8')), true, ${group.state}, true, 1, ${day(group.day)},
             ${group.expedited}, ${batch}, ${batch === null ? null : START}
      FROM generate_series(1, ${group.subjects}) seq`;
  }
}

/** Simulates the runs one by one, as the claim does, and returns the day of the last one. */
function simulateLastRun(
  waiting: readonly Waiting[],
  quota: number,
  ownRequest: { first: number; due: number; expedited: boolean; subjects: number },
) {
  const rankedBefore = waiting.filter(
    (group) =>
      (group.state === 'resolved' || group.state === 'soft_deleted') &&
      group.day <= ownRequest.first &&
      (group.expedited || (!ownRequest.expedited && group.due <= ownRequest.due)),
  );
  let backlog = 0;
  for (let run = 0; run <= ownRequest.first; run += 1) {
    backlog += rankedBefore
      .filter((group) => Math.max(group.day, 0) === run)
      .reduce((sum, group) => sum + group.subjects, 0);
    if (run < ownRequest.first) backlog = Math.max(0, backlog - quota);
  }
  return ownRequest.first + Math.ceil((backlog + ownRequest.subjects) / quota) - 1;
}

test('returns the same completion as a simulation of all runs', async () => {
  const waiting = fc.record({
    day: fc.integer({ min: -3, max: 20 }),
    subjects: fc.integer({ min: 1, max: 40 }),
    due: fc.integer({ min: 20, max: 40 }),
    expedited: fc.boolean(),
    state: fc.constantFrom('resolved', 'soft_deleted', 'claimed', 'cancelled'),
  } as const);
  const ownRequest = fc.record({
    first: fc.integer({ min: 0, max: 16 }),
    due: fc.integer({ min: 20, max: 40 }),
    expedited: fc.boolean(),
    subjects: fc.integer({ min: 1, max: 30 }),
  });
  const cases = fc.asyncProperty(
    fc.array(waiting, { maxLength: 8 }),
    ownRequest,
    fc.integer({ min: 1, max: 25 }),
    async (others, own, quota) => {
      await givenBacklog(others);
      const accepted = await acceptRequest(
        database,
        makeRequest(
          {
            dueAt: day(own.due),
            hardDeleteAt: day(own.first),
            expedite: own.expedited ? { when: 'next_run', reason: 'test' } : null,
          },
          quota,
          own.subjects,
        ),
      );
      const expected = day(simulateLastRun(others, quota, own)).getTime() + AFTER_CLAIM_MS;
      expect(accepted.estimatedCompletionAt.getTime()).toBe(expected);
    },
  );
  await fc.assert(cases, { seed: 20_261_122, numRuns: 60 });
});

test('estimates three runs for 25 000 subjects with a quota of 10 000, and one run without a quota', async () => {
  await givenBacklog([{ day: 14, subjects: 23_000, due: 29, expedited: false, state: 'soft_deleted' }]);
  const limited = await acceptRequest(database, makeRequest({}, 10_000, 2_000));
  expect(limited.estimatedCompletionAt).toEqual(day(14 + 2 + 2));
  const unlimited = await acceptRequest(database, makeRequest({}, null, 2_000));
  expect(unlimited.estimatedCompletionAt).toEqual(day(14 + 2));
});

test('ignores the backlog of other projects and of later runs', async () => {
  await givenBacklog([{ day: 15, subjects: 500, due: 29, expedited: false, state: 'soft_deleted' }]);
  await database.$client`INSERT INTO lethe.subjects (request_id, seq, project, kind, digest, known, state, hidden, generation, hard_delete_at)
    SELECT id, 9000, 'other', 'user', '\\x00', true, 'soft_deleted', true, 1, ${day(14)} FROM lethe.requests LIMIT 1`;
  const accepted = await acceptRequest(database, makeRequest({}, 1, 1));
  expect(accepted.estimatedCompletionAt).toEqual(day(14 + 2));
});

/** The time that `mail`, the slowest system of the project, needs, plus the settle period. */
const SLOWEST_MS = 3 * DAY_MS + PROJECT.policy.settleMs;
const estimateOf = async (requestId: string) => (await statusAt(database, requestId, START)).estimatedCompletionAt;
const givenRequest = async (more: Partial<NewRequest>, quotaPerRun: number | null, subjects: number) => {
  const created = makeRequest(more, quotaPerRun, subjects);
  await acceptRequest(database, created);
  return created.id;
};

test('updates the forecast of a segment when it is resolved and its size is known', async () => {
  await givenBacklog([]);
  const id = await givenRequest({ selection: { by: 'segment', segment: 'dormant' } }, 1, 0);
  expect(await estimateOf(id)).toEqual(day(14 + 2));
  const members = ['seg-a', 'seg-b', 'seg-c'].map((key) => ({ ...matchOf(0, key), position: null }));
  const policy = { ...PROJECT.policy, quotaPerRun: 1 };
  await resolve(database, id, members, START, { policy });
  const updated = new Date(day(14 + 2).getTime() + SLOWEST_MS);
  expect(await estimateOf(id)).toEqual(updated);
  // Resolved again before the claim, the request does not count its own subjects as backlog.
  await resolve(database, id, [matchOf(1, 'seg-a'), matchOf(2, 'seg-b'), matchOf(3, 'seg-c')], START, { policy });
  expect(await estimateOf(id)).toEqual(updated);
});

test('includes the slowest system and the quota in the forecast when it is expedited', async () => {
  await givenBacklog([]);
  const [id, overdue] = [await givenRequest({}, 10, 1), await givenRequest({ hardDeleteAt: day(-1) }, 10, 1)];
  const by = { expedite: 'next_run', reason: 'asked for', actor: 'operator', at: START } as const;
  await expediteRequest(database, PROJECT, { requestId: id, ...by });
  expect(await estimateOf(id)).toEqual(new Date(NEXT_RUN.getTime() + SLOWEST_MS));
  await expediteRequest(database, PROJECT, { requestId: overdue, ...by });
  expect(await estimateOf(overdue)).toEqual(day(-1 + 2));

  const many = await givenRequest({}, 10, 3);
  const slow = { ...PROJECT, policy: { ...PROJECT.policy, quotaPerRun: 1 } };
  await resolve(database, many, [matchOf(1, 'm-a'), matchOf(2, 'm-b'), matchOf(3, 'm-c')], START);
  await expediteRequest(database, slow, { requestId: many, ...by });
  expect(await estimateOf(many)).toEqual(new Date(day(2).getTime() + SLOWEST_MS));
});
