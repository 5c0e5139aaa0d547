import { recordAttempt } from '../../../db/deletion/attempts.ts';
import { recordVerification } from '../../../db/deletion/batches.ts';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { claim } from '../../../db/deletion/claim.ts';
import type { Database } from '../../../db/client.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { reconcileDeletion } from '../../../db/deletion/reconcile.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import { storeResolution } from '../../../db/resolution/resolve.ts';
import { identityTypesOf } from '../../../domain/catalog.ts';
import type { Resolved } from '../../../domain/identity.ts';
import { markPresent } from '../../../db/subjects/unresolved.ts';
import { recordAppliedVisibility } from '../../../db/subjects/visibility.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { match, identityFact, pagesOf, user as identityOf } from '../../support/ledger.ts';
import { placeAll } from '../../support/suppressions.ts';
import { submitDeletion, KEYS, PROJECT, START, type TestApi, user } from './api.ts';

/** The changes that a worker makes to the rows, without a worker, so that the API is tested on real states. */

export const matchOf = (position: number, key: string): Resolved => match(position, identityOf(key));
/** One subject per identity, in the order of submission. */
export const matchesOf = (keys: readonly string[]): Resolved[] => keys.map((key, index) => matchOf(index + 1, key));
export const identityFactOf = (key: string, type: string, value: readonly string[], sharers = 0): Resolved =>
  identityFact(identityOf(key), { type, value }, sharers);

export async function resolve(
  database: Database,
  requestId: string,
  facts: readonly Resolved[],
  at: Date,
  changes: Partial<Parameters<typeof storeResolution>[2]> = {},
) {
  const request = await readRequestRow(database, requestId);
  return storeResolution(database, KEYS, {
    request,
    facts: pagesOf(facts),
    systems: PROJECT.systems,
    policy: PROJECT.policy,
    types: identityTypesOf(PROJECT, request.subjectKind),
    at,
    limit: null,
    growth: () => Number.POSITIVE_INFINITY,
    ...changes,
  });
}

/** What the configuration of the test's project contains. */
export const CONFIGURED = { configured: PROJECT.systems.map(({ name }) => name), directory: PROJECT.directory };

/** Resolves the subjects and hides them in every system that can. */
export async function hide(
  database: Database,
  requestId: string,
  facts: readonly Resolved[],
  at: Date,
  systems = PROJECT.systems,
) {
  await resolve(database, requestId, facts, at, { systems });
  await markPresent(database, requestId, 'all');
  await applyVisibility(database, requestId, at);
}

/** Stores a deletion of these users and hides them. */
export async function givenHiddenSubjects(api: TestApi, ...names: readonly string[]) {
  const id = await submitDeletion(api, names.map(user));
  await hide(api.database, id, matchesOf(names), START);
  return id;
}

/** Applies the newest visibility in every system. */
export async function applyVisibility(database: Database, requestId: string, at: Date) {
  await recordAppliedVisibility(database, requestId, 'app', Number.MAX_SAFE_INTEGER);
  return reconcileDeletion(database, { requestId, asOf: at, window: PROJECT.policy.window, ...CONFIGURED });
}

export const claimAt = (database: Database, requestId: string, asOf: Date) =>
  claim(database, PROJECT.policy, { requestId, asOf });

/** Deletes the first batch and verifies it twice; `mail` attests. */
export async function deleteFirstBatch(database: Database, requestId: string, at: Date) {
  const app = { requestId, project: PROJECT.name, system: 'app', batch: 1 };
  const mail = { ...app, system: 'mail' };
  const kept = { basis: 'tax law, 10 years', rows: 2 };
  const ownRow = { rows: 1, columns: ['email', 'name'] };
  const tables = [
    { table: 'app.events', removed: 7, retained: [] },
    { table: 'app.invoices', removed: 0, retained: [kept] },
    { table: 'app.replies', removed: 0, retained: [], detached: 3 },
    { table: 'app.users', removed: 0, retained: [], anonymised: ownRow },
  ];
  const retained = [{ seq: 1, ...kept }];
  const anonymised = [{ seq: 1, ...ownRow }];
  await recordRange(database, app, 1, { firstSeq: 1, lastSeq: 1, part: 0, tables, retained, anonymised });
  const settleMs = PROJECT.policy.settleMs;
  for (const key of [app, mail]) await recordAttempt(database, key, { attempt: null, pass: 1, at }, { blocked: [] });
  await recordVerification(database, app, { survivors: 0 }, { now: at.getTime(), settleMs });
  await recordVerification(database, app, { survivors: 0 }, { now: at.getTime() + DAY_MS, settleMs });
  await recordVerification(database, mail, { attestedAt: at.getTime() }, { now: at.getTime(), settleMs });
  return reconcileDeletion(database, {
    requestId,
    asOf: new Date(at.getTime() + DAY_MS),
    window: PROJECT.policy.window,
    ...CONFIGURED,
  });
}

/** Records that every system has the suppressions of the request, and concludes it. */
export async function concludeAll(database: Database, requestId: string, at: Date) {
  await reconcileDeletion(database, { requestId, asOf: at, window: PROJECT.policy.window, ...CONFIGURED });
  await placeAll(database, KEYS, { requestId, at });
  return conclude(database, { requestId, at });
}
