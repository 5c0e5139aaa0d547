import { describe, expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { type WrittenArchive, storeArchive } from '../../../db/exports/ready.ts';
import { encryptSecret } from '../../../db/encryption.ts';
import type { Manifest } from '../../../domain/archive.ts';
import { givenExport } from '../../support/exports.ts';
import {
  claimAt,
  days,
  givenHiddenSubjects,
  hiddenInBulk,
  KEYS,
  ledger,
  POLICY,
  RUN,
  user,
} from '../../support/ledger.ts';
import { BOTH_OCCURRED, inParallel, projectOf, race, ROUNDS, rounds, countOutcomes } from '../../support/races.ts';

const world = await ledger(rounds.map(projectOf), 20);

const projects = rounds.map(projectOf);
const names = (prefix: string) => rounds.map((round) => user(`${prefix}-${round}`));

/** As many exports that are collected and packed; `ready` is still to be said. */
async function packed(prefix: string): Promise<readonly string[]> {
  const { database } = world;
  const ids = await hiddenInBulk(world, projects, names(prefix), givenExport);
  await database.$client`UPDATE lethe.requests SET status = 'packaging' WHERE id = ANY(${ids as string[]}::text[])`;
  const { encrypted, digestKey } = encryptSecret(KEYS, 'archives of the races', 'a key');
  await database.$client`INSERT INTO lethe.archive_keys (request_id, encrypted, digest_key)
    SELECT unnest(${ids as string[]}::text[]), ${encrypted}, ${digestKey}`;
  return ids;
}

/** The same, each made for one of the deletions. */
async function packedFor(prefix: string, deletions: readonly string[]): Promise<readonly string[]> {
  const ids = await packed(prefix);
  await world.sql`UPDATE lethe.requests SET backup_of = deletion
    FROM unnest(${ids as string[]}::text[], ${deletions as string[]}::text[]) AS made (id, deletion) WHERE requests.id = made.id`;
  return ids;
}

const deletionsFirst = (prefix: string) =>
  hiddenInBulk(world, projects, names(prefix), (of, identities, changes) =>
    givenHiddenSubjects(of, identities, { ...changes, exportFirst: true }),
  );

function sayReady(requestId: string) {
  const manifest = { files: [] } as unknown as Manifest;
  const archive: WrittenArchive = { requestId, epoch: 1, object: 'object', bytes: 1, sha256: '00', manifest };
  return storeArchive(world.database, archive, { at: RUN, keptMs: 1_000, window: POLICY.window });
}

interface End {
  readonly state: string;
  readonly status: string;
  readonly epoch: number;
  readonly reason: string | null;
  readonly keys: number;
}
/** Where each of these requests stands, with its one subject; by one question for all rounds. */
const endsOf = (requestIds: readonly string[]): Promise<readonly End[]> => world.sql<End[]>`
  SELECT state, status, epoch, reason, (SELECT count(*) FROM lethe.archive_keys WHERE request_id = asked.id) AS keys
  FROM unnest(${requestIds as string[]}::text[]) WITH ORDINALITY AS asked (id, round)
  JOIN lethe.requests ON requests.id = asked.id
  JOIN lethe.subjects ON subjects.request_id = asked.id
  LEFT JOIN lethe.archives ON archives.request_id = asked.id ORDER BY round`;

describe(`${ROUNDS} races each have one winner`, { timeout: 300_000 }, () => {
  test('claim against ready: left out of the archive, or the archive is destroyed; never ready with somebody who is claimed', async () => {
    const ends = countOutcomes([
      { said: false, state: 'left_out', status: 'packaging', epoch: 2, reason: null, keys: 1 },
      { said: true, state: 'exported', status: 'expired', epoch: 1, reason: 'subject_deleted', keys: 0 },
    ]);
    const said: boolean[] = [];
    const exports = await packed('claimed');
    const deletions = await hiddenInBulk(world, projects, names('claimed'));
    await inParallel(async (round) => {
      const [requestId = '', deletion = ''] = [exports[round], deletions[round]];
      const [ready, { claimed, wake }] = await race(
        round,
        () => sayReady(requestId),
        () => claimAt(world, deletion),
      );
      expect({ claimed, wake }).toEqual({ claimed: 1, wake: [requestId] });
      said[round] = ready !== null;
    });
    for (const [round, end] of (await endsOf(exports)).entries()) ends.add({ said: said[round], ...end });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('claim against the archive that it waits for: nobody is claimed before it is ready, and everybody may be after', async () => {
    const ends = countOutcomes([
      { claimed: 0, state: 'soft_deleted' },
      { claimed: 1, state: 'claimed' },
    ]);
    const claimedBy: number[] = [];
    const deletions = await deletionsFirst('saved');
    const exports = await packedFor('saved', deletions);
    await inParallel(async (round) => {
      const [requestId = '', deletion = ''] = [exports[round], deletions[round]];
      const [woken, { claimed }] = await race(
        round,
        () => sayReady(requestId),
        () => claimAt(world, deletion),
      );
      expect(woken).toEqual([deletion]);
      claimedBy[round] = claimed;
    });
    for (const [round, { state }] of (await endsOf(deletions)).entries())
      ends.add({ claimed: claimedBy[round], state });
    await inParallel(async (round) => void (await claimAt(world, deletions[round] ?? '')));
    for (const end of await endsOf(deletions)) expect(end).toMatchObject({ state: 'claimed' });
    for (const end of await endsOf(exports)) expect(end).toMatchObject({ status: 'ready', keys: 1 });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('the deletion cancelled against ready: let go, and in no archive; or in one that was ready before', async () => {
    const ends = countOutcomes([
      { said: false, state: 'cancelled', status: 'packaging', epoch: 2 },
      { said: true, state: 'exported', status: 'ready', epoch: 1 },
    ]);
    const said: boolean[] = [];
    const deletions = await deletionsFirst('let-go');
    const exports = await packedFor('let-go', deletions);
    await inParallel(async (round) => {
      const [requestId = '', deletion = ''] = [exports[round], deletions[round]];
      const all = { requestId: deletion, positions: 'all', actor: 'operator', at: days(1) } as const;
      const [ready] = await race(
        round,
        () => sayReady(requestId),
        () => cancelRequest(world.database, POLICY.window, all),
      );
      said[round] = ready !== null;
    });
    for (const end of await endsOf(deletions)) expect(end).toMatchObject({ state: 'cancelling' });
    for (const [round, { state, status, epoch }] of (await endsOf(exports)).entries())
      ends.add({ said: said[round], state, status, epoch });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });
});
