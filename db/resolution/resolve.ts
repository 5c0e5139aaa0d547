import { and, eq, isNull, inArray, not, sql } from 'drizzle-orm';
import type { SystemEntry } from '../../domain/catalog.ts';
import { ALIAS, type IdentityTypes, type Resolved } from '../../domain/identity.ts';
import type { Policy } from '../../domain/policy.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { enqueueNotifications, notificationInsert } from '../notifications/enqueue.ts';
import { lockProject } from '../project-lock.ts';
import { estimatedCompletion, forecastOf } from '../requests/forecast.ts';
import { isDeletion, isUnconfirmed, readRequestRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { matches, subjectIdentities, subjects, submittedIdentities } from '../schema/subjects.ts';
import { systemVisibility } from '../schema/work.ts';
import { cancelSubjects } from '../subjects/ownership.ts';
import { transaction } from '../transaction.ts';
import { dropExcepted, stageExcepted, storeExcepted } from './exceptions.ts';
import { addDigests, addIdentities, addSubjects, noLongerMatched, stageSubjects, writeOutcomes } from './merge.ts';
import { analyzeStage, analyzeTables, stageFacts, stageUnknown } from './stage.ts';

/** The directory's answer about a request. */
export interface Resolution {
  readonly request: RequestRow;
  readonly facts: AsyncIterable<readonly Resolved[]>;
  /** For `everyone`: the directory's answer about the exceptions. Its positions are the numbers of the exceptions. */
  readonly excepted?: AsyncIterable<readonly Resolved[]>;
  readonly systems: readonly SystemEntry[];
  readonly policy: Policy;
  readonly types: IdentityTypes;
  readonly at: Date;
  /**
   * The maximum number of subjects. With more, the request fails and nothing is hidden or deleted. Null if unlimited.
   */
  readonly limit: number | null;
  /** The maximum number of subjects that a later resolution adds without an operator's approval. */
  readonly growth: (resolved: number) => number;
}

/**
 * The result of a resolution. `grew`: an operator has to approve the added subjects. `closed`: the request has ended.
 */
export type ResolutionEnd =
  | {
      readonly end: 'resolved';
      readonly added: number;
      readonly removed: number;
      /** Subjects that the directory does not know, for which all systems have to be searched. */
      readonly unresolved: number;
      readonly wake: readonly string[];
    }
  | { readonly end: 'grew'; readonly added: number }
  | { readonly end: 'closed' };

/** Sets the status `resolving`. Idempotent. */
export async function startResolving(database: Database, requestId: string, at: Date): Promise<void> {
  await database.execute(sql`
    WITH request AS (
      UPDATE ${requests} SET status = 'resolving' WHERE id = ${requestId} AND status = 'received'
      RETURNING id, project, kind, status, notify)
    ${notificationInsert('request', at)}`);
}

/**
 * Updates the request's subjects from the directory's answer. The first resolution creates them. A later one, before a
 * claim, adds subjects that match now and cancels those that no longer match (rule 8). Idempotent.
 */
export async function storeResolution(
  database: Database,
  keys: DigestKeys,
  resolution: Resolution,
): Promise<ResolutionEnd> {
  const { request, at } = resolution;
  const end = await transaction<ResolutionEnd>(database, async (tx) => {
    const { id: requestId, project, subjectKind: kind } = request;
    const staging = { tx, keys, requestId, project, kind, types: resolution.types };
    // These statements last as long as the directory answers. No other transaction waits for them.
    await tx.execute(sql`SET LOCAL statement_timeout = 0`);
    await stageFacts(staging, resolution.facts);
    if (resolution.excepted !== undefined) await stageExcepted(staging, resolution.excepted);
    await tx.execute(sql`SET LOCAL statement_timeout TO DEFAULT`);
    await lockProject(tx, request.project);
    const now = await readRequestRow(tx, request.id);
    if (now.concludedAt !== null || now.cancelledAt !== null) return { end: 'closed' };
    const first = now.resolvedAt === null;
    // A member confirms exactly the subjects that were counted.
    if (!first && isUnconfirmed(now)) return { end: 'resolved', added: 0, removed: 0, unresolved: 0, wake: [] };
    if (first && resolution.excepted !== undefined) await storeExcepted(staging);
    if (now.selection === 'everyone') await dropExcepted(staging);
    if (first && now.selection !== 'identities') {
      const selected = await numberSelected(tx, now, resolution);
      if (resolution.limit !== null && selected > resolution.limit)
        return failRequest(tx, request, 'too_many_subjects', at);
    }
    await dropWithdrawn(tx, request.id);
    await dropAmbiguous(tx, request.id);
    if (first) await stageUnknown(staging);
    await analyzeStage(staging);
    const { known, added } = await stageSubjects(staging);
    if (!first && !now.growthAccepted && added > resolution.growth(known)) return { end: 'grew', added };
    await addSubjects(staging, now);
    await addIdentities(staging);
    await addDigests(staging);
    await writeOutcomes(tx, request.id);
    const { cancelled: removed, wake } = first
      ? { cancelled: 0, wake: [] }
      : await cancelSubjects(tx, {
          requestId: request.id,
          chosen: noLongerMatched(request.id),
          at,
          window: resolution.policy.window,
        });
    if (first) await pinSystems(tx, now, resolution.systems, at);
    const unresolved = await countUnresolved(tx, request.id);
    if (first || added > 0 || removed > 0) {
      const detail = { subjects: known + added, added: first ? 0 : added, removed, unresolved };
      await recordAudit(tx, {
        at,
        project: request.project,
        requestId: request.id,
        actor: LETHE,
        action: 'subjects.resolved',
        detail,
      });
    }
    await raiseWake(tx, wake);
    return { end: 'resolved', added, removed, unresolved, wake };
  });
  if (end.end === 'resolved') await analyzeTables(database, end.added);
  return end;
}

/**
 * Gives each subject of a segment, or of everyone, a position, as if it had been submitted. Later subjects of the
 * segment do not join. Updates the estimated completion, which depends on their number.
 */
async function numberSelected(tx: Transaction, request: RequestRow, { policy, systems, at }: Resolution) {
  await tx.execute(sql`UPDATE stage SET position = numbered.position
    FROM (SELECT key_value, row_number() OVER (ORDER BY key_value) AS position FROM stage WHERE match) numbered
    WHERE stage.match AND stage.key_value = numbered.key_value`);
  const { count } = await tx.execute<never>(sql`INSERT INTO ${submittedIdentities} (request_id, position, type, value)
    SELECT ${request.id}, position, key_type, key_value FROM stage WHERE match`);
  const ofRequest = eq(requests.id, request.id);
  await tx.update(requests).set({ submitted: count, attendedAt: at }).where(ofRequest);
  if (isDeletion(request)) {
    const forecast = forecastOf(policy, systems, request.hardDeleteAt, at);
    const sized = { ...request, expedited: request.expedite !== null, forecast };
    await tx
      .update(requests)
      .set({ estimatedCompletionAt: estimatedCompletion(sized, count) })
      .where(ofRequest);
  }
  return count;
}

/** Removes positions from the stage that were cancelled while the directory answered. */
async function dropWithdrawn(tx: Transaction, requestId: string): Promise<void> {
  const dropped = await tx.execute<never>(sql`DELETE FROM stage USING ${submittedIdentities} submitted
    WHERE stage.match AND submitted.request_id = ${requestId} AND submitted.position = stage.position AND withdrawn_at IS NOT NULL`);
  if (dropped.count > 0) await dropUnmatchedFacts(tx);
}

/** Removes the identities of subjects without a position from the stage. */
async function dropUnmatchedFacts(tx: Transaction): Promise<void> {
  await tx.execute(sql`DELETE FROM stage WHERE NOT match AND NOT EXISTS (
    SELECT FROM stage matched WHERE matched.match AND matched.key_type = stage.key_type AND matched.key_value = stage.key_value)`);
}

/**
 * Rejects identities that are no alias and belong to several subjects, such as the address of a household
 * (`ambiguous`). A subject that the identity matched alone in an earlier resolution stays.
 */
async function dropAmbiguous(tx: Transaction, requestId: string): Promise<void> {
  await tx.execute(sql`CREATE TEMPORARY TABLE ambiguous ON COMMIT DROP AS
    SELECT position FROM stage JOIN ${submittedIdentities} submitted USING (position)
    WHERE stage.match AND submitted.request_id = ${requestId} AND submitted.type <> ${ALIAS}
    GROUP BY position HAVING count(DISTINCT stage.key_value) > 1`);
  const rejected = await tx
    .update(submittedIdentities)
    .set({ outcome: 'invalid', reason: 'ambiguous' })
    .where(
      and(
        eq(submittedIdentities.requestId, requestId),
        sql`${submittedIdentities.position} IN (SELECT position FROM ambiguous)`,
        isNull(submittedIdentities.outcome),
      ),
    );
  await tx.execute(sql`DELETE FROM stage WHERE match AND position IN (SELECT position FROM ambiguous) AND NOT EXISTS (
      SELECT FROM ${matches} JOIN ${subjectIdentities} identity USING (request_id, seq)
      WHERE matches.request_id = ${requestId} AND matches.position = stage.position
        AND identity.origin = 'key' AND identity.type = stage.key_type AND identity.value = stage.key_value)`);
  if (rejected.count > 0) await dropUnmatchedFacts(tx);
}

/** Pins the systems and their data map hashes (rule 5), and sets the status after the first resolution. */
async function pinSystems(
  tx: Transaction,
  request: RequestRow,
  systems: readonly SystemEntry[],
  at: Date,
): Promise<void> {
  const { id: requestId } = request;
  const status = isUnconfirmed(request) || !isDeletion(request) ? 'resolving' : 'grace';
  const pinned = Object.fromEntries(systems.map((system) => [system.name, system.dataMapHash]));
  await tx.update(requests).set({ systems: pinned, resolvedAt: at, status }).where(eq(requests.id, requestId));
  if (status !== request.status) await enqueueNotifications(tx, requestId, at);
  if (!isDeletion(request)) return;
  const rows = systems.map(({ name, hides, suppresses }) => ({
    requestId,
    system: name,
    hides: hides && request.scope === 'data',
    suppresses,
  }));
  if (rows.length > 0) await tx.insert(systemVisibility).values(rows).onConflictDoNothing();
}

/** Fails a request that the directory cannot resolve, unless it has ended meanwhile. Idempotent. */
export const failUnresolved = (database: Database, request: RequestRow, failure: string, at: Date): Promise<void> =>
  transaction(database, async (tx) => {
    await lockProject(tx, request.project);
    const now = await readRequestRow(tx, request.id);
    if (now.concludedAt === null && now.cancelledAt === null && now.resolvedAt === null)
      await failRequest(tx, request, failure, at);
  });

async function failRequest(
  tx: Transaction,
  request: RequestRow,
  failure: string,
  at: Date,
): Promise<{ readonly end: 'closed' }> {
  const ofRequest = eq(requests.id, request.id);
  await tx.update(requests).set({ status: 'failed', failure, concludedAt: at }).where(ofRequest);
  await enqueueNotifications(tx, request.id, at);
  await tx.update(requests).set({ notify: null }).where(ofRequest);
  await tx.delete(submittedIdentities).where(eq(submittedIdentities.requestId, request.id));
  await recordAudit(tx, {
    at,
    project: request.project,
    requestId: request.id,
    actor: LETHE,
    action: 'request.failed',
    detail: { code: failure },
  });
  return { end: 'closed' };
}

const countUnresolved = (tx: Transaction, requestId: string): Promise<number> =>
  tx.$count(
    subjects,
    and(
      eq(subjects.requestId, requestId),
      not(subjects.known),
      isNull(subjects.present),
      inArray(subjects.state, ['resolved', 'selected']),
    ),
  );
