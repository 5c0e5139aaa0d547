import { describe, expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import type { Project } from '../../../domain/catalog.ts';
import { DomainError } from '../../../domain/errors.ts';
import {
  accept,
  APP,
  applyVisibility,
  observedFacts,
  givenAwaitingConfirmation,
  claimAt,
  days,
  givenHiddenInBulk,
  ledger,
  POLICY,
  reconcileAt,
  resolve,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import {
  delay,
  BOTH_OCCURRED,
  inParallel,
  projectOf,
  race,
  ROUNDS,
  rounds,
  countOutcomes,
} from '../../support/races.ts';

const world = await ledger(rounds.map(projectOf), 20);

/** One request per round, each waiting for its confirmation. */
const awaitingInBulk = (name: string) =>
  givenHiddenInBulk(
    world,
    rounds.map(projectOf),
    rounds.map((round) => user(`${name}-${round}`)),
    givenAwaitingConfirmation,
  );

/** Returns `confirmed`, or the code of the rejection. */
const tryConfirm = (round: number, requestId: string, at = START): Promise<string> => {
  const project: Project = { name: projectOf(round), policy: POLICY, directory: 'app', systems: [APP] };
  const by = { memberId: 'mem_other', role: 'owner' } as const;
  const confirmation = { requestId, expectedCount: 1, acceptUnmatched: false, by, at };
  return withProjectLock(world.database, project.name, (tx) => confirmRequest(tx, project, confirmation)).then(
    () => 'confirmed',
    (error: unknown) => {
      if (error instanceof DomainError) return error.code;
      throw error;
    },
  );
};

describe(`${ROUNDS} races each have one winner`, { timeout: 300_000 }, () => {
  test('rejects the confirmation or restores the subjects when confirm races with cancel', async () => {
    const ends = countOutcomes([
      { answer: 'confirmed', cancelled: 1, after: { cancelling: 1 } },
      { answer: 'not_awaiting_confirmation', cancelled: 1, after: { cancelled: 1 } },
    ]);
    const requests = await awaitingInBulk('cancel');
    await inParallel(async (round) => {
      const requestId = requests[round] ?? '';
      const cancellation = { requestId, positions: 'all', actor: 'operator', at: START } as const;
      const [answer, { cancelled }] = await race(
        round,
        () => tryConfirm(round, requestId),
        () => cancelRequest(world.database, POLICY.window, cancellation),
      );
      ends.add({ answer, cancelled, after: await states(world, requestId) });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('confirms or cancels the subjects, but not both, when confirm races with the expiry', async () => {
    const ends = countOutcomes([
      { answer: 'confirmed', after: { resolved: 1 }, lapsed: 0 },
      { answer: 'not_awaiting_confirmation', after: { cancelled: 1 }, lapsed: 1 },
    ]);
    const requests = await awaitingInBulk('expire');
    await inParallel(async (round) => {
      const requestId = requests[round] ?? '';
      const [answer] = await race(
        round,
        () => tryConfirm(round, requestId, new Date(days(3).getTime() - 1)),
        () => reconcileAt(world, requestId, days(3)),
      );
      const [audit] = await world.sql<{ lapsed: number }[]>`
        SELECT count(*) AS lapsed FROM lethe.audit_events WHERE request_id = ${requestId} AND action = 'confirmation.lapsed'`;
      ends.add({ answer, after: await states(world, requestId), lapsed: audit?.lapsed });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('gives the subject one owner when confirm races with a second request for it', async () => {
    const ends = countOutcomes([
      { answer: 'confirmed', first: { resolved: 1 }, second: { attached: 1 } },
      { answer: 'confirmed', first: { attached: 1 }, second: { resolved: 1 } },
    ]);
    const requests = await awaitingInBulk('twice');
    await inParallel(async (round) => {
      const identity = user(`twice-${round}`);
      const first = requests[round] ?? '';
      const second = await accept(world, [identity], { project: projectOf(round) });
      const { asked, facts } = observedFacts([identity]);
      const resolving = () => resolve(world, second, [], { facts });
      const confirming = () => tryConfirm(round, first);
      let answer: string;
      // Covers both orders, and both at once from the moment in which the directory is asked.
      if (round % 4 === 0) answer = await resolving().then(confirming);
      else if (round % 4 === 1) [answer] = [await confirming(), await resolving()];
      else [answer] = await Promise.all([asked.then(() => delay(round, 60)).then(confirming), resolving()]);
      ends.add({ answer, first: await states(world, first), second: await states(world, second) });
      for (const requestId of [first, second]) await applyVisibility(world, requestId);
      let claimed = 0;
      for (const requestId of [first, second]) claimed += (await claimAt(world, requestId, days(30))).claimed;
      expect(claimed).toBe(1);
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });
});
