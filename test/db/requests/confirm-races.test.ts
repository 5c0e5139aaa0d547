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
  askedOf,
  awaiting,
  claimAt,
  days,
  hiddenInBulk,
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

/** One request a round, each waiting for its confirmation. */
const awaitingInBulk = (name: string) =>
  hiddenInBulk(
    world,
    rounds.map(projectOf),
    rounds.map((round) => user(`${name}-${round}`)),
    awaiting,
  );

/** Whether it was confirmed, or why not. */
const confirmIt = (round: number, requestId: string, at = START): Promise<string> => {
  const project: Project = { name: projectOf(round), policy: POLICY, directory: 'app', systems: [APP] };
  const by = { memberId: 'mem_other', role: 'owner' } as const;
  const asked = { requestId, expectedCount: 1, acceptUnmatched: false, by, at };
  return withProjectLock(world.database, project.name, (tx) => confirmRequest(tx, project, asked)).then(
    () => 'confirmed',
    (error: unknown) => {
      if (error instanceof DomainError) return error.code;
      throw error;
    },
  );
};

describe(`${ROUNDS} races each have one winner`, { timeout: 300_000 }, () => {
  test('confirm against cancel: refused and nobody ever hidden, or hidden and to be restored', async () => {
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
        () => confirmIt(round, requestId),
        () => cancelRequest(world.database, POLICY.window, cancellation),
      );
      ends.add({ answer, cancelled, after: await states(world, requestId) });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('confirm against its time running out: confirmed and not let go, or let go and refused', async () => {
    const ends = countOutcomes([
      { answer: 'confirmed', after: { resolved: 1 }, lapsed: 0 },
      { answer: 'not_awaiting_confirmation', after: { cancelled: 1 }, lapsed: 1 },
    ]);
    const requests = await awaitingInBulk('lapse');
    await inParallel(async (round) => {
      const requestId = requests[round] ?? '';
      const [answer] = await race(
        round,
        () => confirmIt(round, requestId, new Date(days(3).getTime() - 1)),
        () => reconcileAt(world, requestId, days(3)),
      );
      const [audit] = await world.sql<{ lapsed: number }[]>`
        SELECT count(*) AS lapsed FROM lethe.audit_events WHERE request_id = ${requestId} AND action = 'confirmation.lapsed'`;
      ends.add({ answer, after: await states(world, requestId), lapsed: audit?.lapsed });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('confirm against a second request for the same subject: exactly one of them owns it, and it is deleted once', async () => {
    const ends = countOutcomes([
      { answer: 'confirmed', mine: { resolved: 1 }, theirs: { attached: 1 } },
      { answer: 'confirmed', mine: { attached: 1 }, theirs: { resolved: 1 } },
    ]);
    const requests = await awaitingInBulk('twice');
    await inParallel(async (round) => {
      const identity = user(`twice-${round}`);
      const first = requests[round] ?? '';
      const second = await accept(world, [identity], { project: projectOf(round) });
      const { asked, facts } = askedOf([identity]);
      const resolving = () => resolve(world, second, [], { facts });
      const confirming = () => confirmIt(round, first);
      let answer: string;
      // One before the other, the other way round, and both at once from where the directory is asked.
      if (round % 4 === 0) answer = await resolving().then(confirming);
      else if (round % 4 === 1) [answer] = [await confirming(), await resolving()];
      else [answer] = await Promise.all([asked.then(() => delay(round, 60)).then(confirming), resolving()]);
      ends.add({ answer, mine: await states(world, first), theirs: await states(world, second) });
      for (const requestId of [first, second]) await applyVisibility(world, requestId);
      let claimed = 0;
      for (const requestId of [first, second]) claimed += (await claimAt(world, requestId, days(30))).claimed;
      expect(claimed).toBe(1);
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });
});
