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
  givenHiddenInBulk,
  KEYS,
  ledger,
  POLICY,
  RUN,
  user,
} from '../../support/ledger.ts';
import { BOTH_OCCURRED, inParallel, projectOf, race, ROUNDS, rounds, countOutcomes } from '../../support/races.ts';

const world = await ledger(rounds.map(projectOf), 20);

const projects = rounds.map(projectOf);
const identitiesOf = (prefix: string) => rounds.map((round) => user(`${prefix}-${round}`));

/** One export per round, collected and packed but not yet ready. */
async function givenPackedExports(prefix: string): Promise<readonly string[]> {
  const { database } = world;
  const ids = await givenHiddenInBulk(world, projects, identitiesOf(prefix), givenExport);
  await database.$client`UPDATE lethe.requests SET status = 'packaging' WHERE id = ANY(${ids as string[]}::text[])`;
  const { encrypted, digestKey } = encryptSecret(KEYS, 'archives of the races', 'a key');
  await database.$client`INSERT INTO lethe.archive_keys (request_id, encrypted, digest_key)
    SELECT unnest(${ids as string[]}::text[]), ${encrypted}, ${digestKey}`;
  return ids;
}

/** One packed export per round, each the backup of one deletion. */
async function givenPackedBackups(prefix: string, deletions: readonly string[]): Promise<readonly string[]> {
  const ids = await givenPackedExports(prefix);
  await world.sql`UPDATE lethe.requests SET backup_of = deletion
    FROM unnest(${ids as string[]}::text[], ${deletions as string[]}::text[]) AS backup (id, deletion) WHERE requests.id = backup.id`;
  return ids;
}

const givenDeletionsThatExportFirst = (prefix: string) =>
  givenHiddenInBulk(world, projects, identitiesOf(prefix), (ofWorld, identities, changes) =>
    givenHiddenSubjects(ofWorld, identities, { ...changes, exportFirst: true }),
  );

function makeReady(requestId: string) {
  const manifest = { files: [] } as unknown as Manifest;
  const archive: WrittenArchive = { requestId, epoch: 1, bytes: 1, sha256: '00', manifest };
  return storeArchive(world.database, archive, { at: RUN, keptMs: 1_000, window: POLICY.window });
}

interface End {
  readonly state: string;
  readonly status: string;
  readonly epoch: number;
  readonly reason: string | null;
  readonly keys: number;
}
/** The final state of each request and of its one subject, read in one statement for all rounds. */
const endsOf = (requestIds: readonly string[]): Promise<readonly End[]> => world.sql<End[]>`
  SELECT state, status, requests.epoch, reason, (SELECT count(*) FROM lethe.archive_keys WHERE request_id = given_request.id) AS keys
  FROM unnest(${requestIds as string[]}::text[]) WITH ORDINALITY AS given_request (id, round)
  JOIN lethe.requests ON requests.id = given_request.id
  JOIN lethe.subjects ON subjects.request_id = given_request.id
  LEFT JOIN lethe.archives ON archives.request_id = given_request.id ORDER BY round`;

describe(`${ROUNDS} races each have one winner`, { timeout: 300_000 }, () => {
  test('leaves the subject out or destroys the archive when a claim races with the archive becoming ready', async () => {
    const ends = countOutcomes([
      { isReady: false, state: 'left_out', status: 'packaging', epoch: 2, reason: null, keys: 1 },
      { isReady: true, state: 'exported', status: 'expired', epoch: 1, reason: 'subject_deleted', keys: 0 },
    ]);
    const readyByRound: boolean[] = [];
    const exports = await givenPackedExports('claimed');
    const deletions = await givenHiddenInBulk(world, projects, identitiesOf('claimed'));
    await inParallel(async (round) => {
      const [requestId = '', deletion = ''] = [exports[round], deletions[round]];
      const [ready, { claimed, wake }] = await race(
        round,
        () => makeReady(requestId),
        () => claimAt(world, deletion),
      );
      expect({ claimed, wake }).toEqual({ claimed: 1, wake: [requestId] });
      readyByRound[round] = ready !== null;
    });
    for (const [round, end] of (await endsOf(exports)).entries()) ends.add({ isReady: readyByRound[round], ...end });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('does not claim before the backup is ready when a claim races with it, and can claim afterwards', async () => {
    const ends = countOutcomes([
      { claimed: 0, state: 'soft_deleted' },
      { claimed: 1, state: 'claimed' },
    ]);
    const claimedByRound: number[] = [];
    const deletions = await givenDeletionsThatExportFirst('backed-up');
    const exports = await givenPackedBackups('backed-up', deletions);
    await inParallel(async (round) => {
      const [requestId = '', deletion = ''] = [exports[round], deletions[round]];
      const [requestsToSignal, { claimed }] = await race(
        round,
        () => makeReady(requestId),
        () => claimAt(world, deletion),
      );
      expect(requestsToSignal).toEqual([deletion]);
      claimedByRound[round] = claimed;
    });
    for (const [round, { state }] of (await endsOf(deletions)).entries())
      ends.add({ claimed: claimedByRound[round], state });
    await inParallel(async (round) => void (await claimAt(world, deletions[round] ?? '')));
    for (const end of await endsOf(deletions)) expect(end).toMatchObject({ state: 'claimed' });
    for (const end of await endsOf(exports)) expect(end).toMatchObject({ status: 'ready', keys: 1 });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });

  test('removes cancelled subjects from the backup only when the cancellation comes before it is ready', async () => {
    const ends = countOutcomes([
      { isReady: false, state: 'cancelled', status: 'packaging', epoch: 2 },
      { isReady: true, state: 'exported', status: 'ready', epoch: 1 },
    ]);
    const readyByRound: boolean[] = [];
    const deletions = await givenDeletionsThatExportFirst('cancelled');
    const exports = await givenPackedBackups('cancelled', deletions);
    await inParallel(async (round) => {
      const [requestId = '', deletion = ''] = [exports[round], deletions[round]];
      const all = { requestId: deletion, positions: 'all', actor: 'operator', at: days(1) } as const;
      const [ready] = await race(
        round,
        () => makeReady(requestId),
        () => cancelRequest(world.database, POLICY.window, all),
      );
      readyByRound[round] = ready !== null;
    });
    for (const end of await endsOf(deletions)) expect(end).toMatchObject({ state: 'cancelling' });
    for (const [round, { state, status, epoch }] of (await endsOf(exports)).entries())
      ends.add({ isReady: readyByRound[round], state, status, epoch });
    expect(ends.seen()).toEqual(BOTH_OCCURRED);
  });
});
