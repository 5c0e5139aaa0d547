import { describe, expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { placeHold } from '../../../db/holds/holds.ts';
import { DomainError } from '../../../domain/errors.ts';
import { newId } from '../../../domain/ids.ts';
import {
  accept,
  applyVisibility,
  observedFacts,
  claimAt,
  days,
  givenHiddenInBulk,
  KEYS,
  ledger,
  POLICY,
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

const RUN = days(15);
const world = await ledger(rounds.map(projectOf), 20);

const cancelAll = (requestId: string, at = RUN) =>
  cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at }).catch(
    (error: unknown) => {
      if (error instanceof DomainError && error.code === 'too_late') return null;
      throw error;
    },
  );

describe(`${ROUNDS} races each have one winner`, { timeout: 300_000 }, () => {
  test('cancels or claims, but not both, when cancel races with claim', async () => {
    const ends = countOutcomes([
      { tooLate: true, claimed: 1, after: { claimed: 1 } },
      { tooLate: false, claimed: 0, after: { cancelling: 1 } },
    ]);
    const requests = await givenHiddenInBulk(
      world,
      rounds.map(projectOf),
      rounds.map((round) => user(`cancel-${round}`)),
    );
    await inParallel(async (round) => {
      const requestId = requests[round] ?? '';
      const [cancelled, { claimed }] = await race(
        round,
        () => cancelAll(requestId),
        () => claimAt(world, requestId),
      );
      ends.add({ tooLate: cancelled === null, claimed, after: await states(world, requestId) });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('holds the subject, or reports it as too late, when hold races with claim', async () => {
    const ends = countOutcomes([
      { matching: 0, tooLate: 1, claimed: 1, after: { claimed: 1 } },
      { matching: 1, tooLate: 0, claimed: 0, after: { soft_deleted: 1 } },
    ]);
    const requests = await givenHiddenInBulk(
      world,
      rounds.map(projectOf),
      rounds.map((round) => user(`hold-${round}`)),
    );
    await inParallel(async (round) => {
      const identity = user(`hold-${round}`);
      const requestId = requests[round] ?? '';
      const hold = {
        id: newId('hold', round + 1),
        project: projectOf(round),
        kind: 'user',
        identities: [identity],
      } as const;
      const by = { caseRef: 'C-7', heldBy: 'counsel', actor: 'operator', at: RUN };
      const [{ matching, tooLate }, { claimed }] = await race(
        round,
        () => placeHold(world.database, KEYS, { ...hold, ...by }),
        () => claimAt(world, requestId),
      );
      const after = await states(world, requestId);
      ends.add({ matching: matching.length, tooLate: tooLate.length, claimed, after });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('gives the subject one owner when the cancellation of a request races with a second request for it', async () => {
    const ends = countOutcomes([
      // The second request was attached already, and the subject was transferred to it.
      { first: { cancelled: 1 }, second: { resolved: 1 } },
      // The second request attached during the restoration, after which the subject is transferred to it.
      { first: { cancelling: 1 }, second: { attached: 1 } },
    ]);
    const requests = await givenHiddenInBulk(
      world,
      rounds.map(projectOf),
      rounds.map((round) => user(`twice-${round}`)),
    );
    await inParallel(async (round) => {
      const identity = user(`twice-${round}`);
      const first = requests[round] ?? '';
      const second = await accept(world, [identity], { project: projectOf(round) });
      const { asked, facts } = observedFacts([identity]);
      const resolving = () => resolve(world, second, [], { facts });
      // Covers both orders, and both at once from the moment in which the directory is asked.
      if (round % 4 === 0) await cancelAll(first, START).then(resolving);
      else if (round % 4 === 1) await resolving().then(() => cancelAll(first, START));
      else {
        const cancelling = asked.then(() => delay(round)).then(() => cancelAll(first, START));
        await Promise.all([resolving(), cancelling]);
      }
      ends.add({ first: await states(world, first), second: await states(world, second) });
      await applyVisibility(world, first);
      await applyVisibility(world, second);
      expect(await states(world, first)).toEqual({ cancelled: 1 });
      expect(await claimAt(world, first)).toMatchObject({ claimed: 0 });
      expect(await claimAt(world, second)).toMatchObject({ claimed: 1 });
    });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });
});
