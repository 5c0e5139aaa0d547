import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cancelSubjects } from '../../db/cancel.ts';
import { claim } from '../../db/claim.ts';
import { placeHold } from '../../db/holds.ts';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import {
  accept,
  allKnown,
  days,
  follow,
  hidden,
  KEYS,
  type Ledger,
  ledger,
  POLICY,
  resolve,
  START,
  states,
  user,
} from '../support/ledger.ts';

const ROUNDS = 1_000;
const RUN = days(15);
/** A project a round: rounds do not wait for each other's lock, and none counts another's subjects. */
const projectOf = (round: number): string => `project-${round}`;
let world: Ledger;
beforeAll(async () => {
  world = await ledger(Array.from({ length: ROUNDS }, (_, round) => projectOf(round)));
});
afterAll(async () => world.database.end());

const cancelAll = (requestId: string, at = RUN) =>
  cancelSubjects(world.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at }).catch(
    (error: unknown) => {
      if (error instanceof DomainError && error.code === 'too_late') return null;
      throw error;
    },
  );
const claimIt = (requestId: string) => claim(world.database, POLICY, { requestId, asOf: RUN });

/** Both at once, the one that is started first alternating, the other up to `spreadMs` later. */
async function race<A, B>(round: number, spreadMs: number, a: () => Promise<A>, b: () => Promise<B>): Promise<[A, B]> {
  const apart = () => new Promise((done) => setTimeout(done, (((round * 7) % 20) / 20) * spreadMs));
  if (round % 2 === 0) {
    const first = a();
    await apart();
    return Promise.all([first, b()]);
  }
  const first = b();
  await apart();
  return Promise.all([a(), first]);
}

async function inParallel(rounds: number, each: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (next < rounds) await each(next++);
    }),
  );
}

describe(`${ROUNDS} races each have one winner`, { timeout: 180_000 }, () => {
  test('cancel against claim: cancelled and nothing claimed, or claimed and told too late', async () => {
    const won = { cancel: 0, claim: 0 };
    await inParallel(ROUNDS, async (round) => {
      const requestId = await hidden(world, [user(`cancel-${round}`)], { project: projectOf(round) });
      const [cancelled, claimed] = await race(
        round,
        20,
        () => cancelAll(requestId),
        () => claimIt(requestId),
      );
      const after = await states(world, requestId);
      if (cancelled === null) {
        expect({ claimed: claimed.claimed, after }).toEqual({ claimed: 1, after: { claimed: 1 } });
        won.claim += 1;
      } else {
        expect({ claimed: claimed.claimed, after }).toEqual({ claimed: 0, after: { cancelling: 1 } });
        won.cancel += 1;
      }
    });
    expect(won.cancel + won.claim).toBe(ROUNDS);
    expect(won.cancel).toBeGreaterThan(0);
    expect(won.claim).toBeGreaterThan(0);
  });

  test('hold against claim: held and not claimed, or claimed and the holder told too late', async () => {
    const won = { hold: 0, claim: 0 };
    await inParallel(ROUNDS, async (round) => {
      const identity = user(`hold-${round}`);
      const requestId = await hidden(world, [identity], { project: projectOf(round) });
      const hold = {
        id: newId('hold', round + 1),
        project: projectOf(round),
        kind: 'user',
        identities: [identity],
      } as const;
      const [placed, claimed] = await race(
        round,
        20,
        () =>
          placeHold(world.database, KEYS, { ...hold, caseRef: 'C-7', heldBy: 'counsel', actor: 'operator', at: RUN }),
        () => claimIt(requestId),
      );
      const after = await states(world, requestId);
      if (placed.tooLate.length > 0) {
        expect({ claimed: claimed.claimed, after, matching: placed.matching }).toEqual({
          claimed: 1,
          after: { claimed: 1 },
          matching: [],
        });
        won.claim += 1;
      } else {
        expect({ claimed: claimed.claimed, after }).toEqual({ claimed: 0, after: { soft_deleted: 1 } });
        expect(placed.matching).toEqual([{ requestId, subjects: 1 }]);
        won.hold += 1;
      }
    });
    expect(won.hold + won.claim).toBe(ROUNDS);
    expect(won.hold).toBeGreaterThan(0);
    expect(won.claim).toBeGreaterThan(0);
  });

  test('two requests for one subject, the first cancelled: exactly one of them owns it, and it is still owed', async () => {
    const ends = { handedOver: 0, ownedAnew: 0 };
    await inParallel(ROUNDS, async (round) => {
      const identity = user(`twice-${round}`);
      const began = performance.now();
      const first = await hidden(world, [identity], { project: projectOf(round) });
      const second = await accept(world, [identity], { project: projectOf(round) });
      await race(
        round,
        // Resolving takes longer than cancelling: the cancellation falls anywhere into it, and behind it.
        2 * (performance.now() - began),
        () => cancelAll(first, START),
        () => resolve(world, second, allKnown([identity])),
      );
      const [mine, theirs] = [await states(world, first), await states(world, second)];
      // Handed over when it waited already; otherwise the second waits for the first's restoration, or owns it anew.
      if (mine['cancelled'] === 1) {
        expect(theirs).toEqual({ resolved: 1 });
        ends.handedOver += 1;
      } else {
        expect(mine).toEqual({ cancelling: 1 });
        expect(theirs).toEqual({ attached: 1 });
        await follow(world, first);
        expect(await states(world, second)).toEqual({ resolved: 1 });
        ends.ownedAnew += 1;
      }
      await follow(world, second);
      expect(await claimIt(first)).toMatchObject({ claimed: 0 });
      expect(await claimIt(second)).toMatchObject({ claimed: 1 });
    });
    expect(ends.handedOver + ends.ownedAnew).toBe(ROUNDS);
    expect(ends.handedOver).toBeGreaterThan(0);
    expect(ends.ownedAnew).toBeGreaterThan(0);
  });
});
