import type { BlockedSubject } from '../../../domain/batch.ts';
import { retrySystems } from '../../../db/attention/retry.ts';
import { recordAttempt, startAttempt } from '../../../db/deletion/attempts.ts';
import { recordVerification } from '../../../db/deletion/batches.ts';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { buildReceipt } from '../../../db/deletion/receipt.ts';
import { claimedIdentities } from '../../../db/subjects/identities.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import {
  accept,
  after,
  allKnown,
  APP,
  applyVisibility,
  claimAt,
  type Ledger,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  statusAt,
  user,
} from '../../support/ledger.ts';

export const OBSTACLE = { table: 'app.parcels', constraint: 'parcels_order' } as const;
export const blockedAt = (...seqs: readonly number[]): BlockedSubject[] => seqs.map((seq) => ({ seq, ...OBSTACLE }));

const keyOf = (requestId: string, system: string) => ({ requestId, project: PROJECT, system, batch: 1 });

/** Claims a deletion of these users, which the systems `app` and, if given, `crm` hold. */
export async function givenClaimed(
  world: Ledger,
  names: readonly string[],
  systems: readonly string[] = ['app'],
  changes: Parameters<typeof accept>[2] = {},
): Promise<string> {
  const identities = names.map(user);
  const requestId = await accept(world, identities, changes);
  await resolve(world, requestId, allKnown(identities), { systems: systems.map((name) => ({ ...APP, name })) });
  for (const system of systems) await applyVisibility(world, requestId, undefined, system);
  await claimAt(world, requestId);
  return requestId;
}

/** Deletes the batch in a system, except for the blocked subjects, with one range for each of the others. */
export async function deleteIn(
  { database, sql }: Ledger,
  requestId: string,
  { system = 'app', blocked = [], at = RUN }: { system?: string; blocked?: readonly number[]; at?: Date } = {},
) {
  const key = keyOf(requestId, system);
  const attempt = `attempt at ${at.toISOString()}`;
  const started = await startAttempt(database, key, attempt);
  if (started === null) throw new Error('nothing to delete');
  const members = await sql<
    { seq: number }[]
  >`SELECT seq FROM lethe.subjects WHERE request_id = ${requestId} AND batch = 1`;
  for (const { seq } of members) {
    if (started.except.includes(seq) || blocked.includes(seq)) continue;
    const tables = [{ table: 'app.users', removed: 1, retained: [] }];
    const range = { firstSeq: seq, lastSeq: seq, part: 0, tables, retained: [], anonymised: [] };
    await recordRange(database, key, started.pass, range);
  }
  const next = await recordAttempt(
    database,
    key,
    { attempt, pass: started.pass, at },
    { blocked: blockedAt(...blocked) },
  );
  return { started, next };
}

/** The subjects whose identities a system receives for the batch. */
export async function claimedSeqs({ database }: Ledger, requestId: string): Promise<number[]> {
  const seqs: number[] = [];
  const range = { requestId, batch: 1, firstSeq: 1, lastSeq: 3 };
  for await (const page of claimedIdentities(database, range, [])) seqs.push(...page.map(({ seq }) => seq));
  return seqs;
}

/** Verifies the batch of a system twice, at the end of the settle period. */
export async function verifyIn({ database }: Ledger, requestId: string, system = 'app', from = RUN) {
  const key = keyOf(requestId, system);
  const { settleMs } = POLICY;
  await recordVerification(database, key, { survivors: 0 }, { now: from.getTime(), settleMs });
  return recordVerification(database, key, { survivors: 0 }, { now: from.getTime() + settleMs, settleMs });
}

export const cancelPositions = ({ database }: Ledger, requestId: string, positions: readonly number[] | 'all') =>
  cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at: after(30) });
export const retry = ({ database }: Ledger, requestId: string) =>
  retrySystems(database, { requestId, system: null, reason: 'the parcel is gone', actor: 'operator', at: after(30) });
export const statusOf = ({ database }: Ledger, requestId: string) => statusAt(database, requestId, after(30));
export const receiptOf = ({ database }: Ledger, requestId: string) => buildReceipt(database, requestId);
export const reconcile = (world: Ledger, requestId: string) => reconcileAt(world, requestId, after(30));
