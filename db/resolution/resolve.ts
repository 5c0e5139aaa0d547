import type { ProcessorEntry } from '../../domain/catalog.ts';
import { ALIAS } from '../../domain/identity.ts';
import type { Resolved } from '../../domain/resolved.ts';
import type { Policy } from '../../domain/policy.ts';
import { analyseAfter } from './analyze.ts';
import { announce } from '../notifications/enqueue.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { estimatedCompletion, forecastOf } from '../requests/forecast.ts';
import { lockProject } from '../project-lock.ts';
import { transaction } from '../transaction.ts';
import { addDigests, addIdentities, addSubjects, departedSubjects, stageSubjects, tellOutcomes } from './merge.ts';
import { setExceptedAside, stageExcepted, storeExcepted } from './exceptions.ts';
import { analyseStage, stageFacts, stageUnknown } from './stage.ts';
import { isDeletion, isUnconfirmed, readRequestRow, type RequestRow } from '../requests/row.ts';
import { withdrawSubjects } from '../subjects/cancel-subjects.ts';

export interface Resolution {
  readonly request: RequestRow;
  readonly facts: AsyncIterable<readonly Resolved[]>;
  /** Of everyone, what the directory says of those who are to be spared; their submitted identities are its positions. */
  readonly excepted?: AsyncIterable<readonly Resolved[]>;
  readonly processors: readonly ProcessorEntry[];
  readonly policy: Policy;
  readonly at: Date;
  /** How many subjects a request may have; more fail it before anything is touched. */
  readonly limit: number | null;
  /** How many subjects may join after the first resolution without an operator's word. */
  readonly growth: (resolved: number) => number;
}

export type ResolutionEnd =
  | {
      readonly end: 'resolved';
      readonly joined: number;
      readonly departed: number;
      readonly unknown: number;
      readonly wake: readonly string[];
    }
  | { readonly end: 'grew'; readonly joined: number }
  | { readonly end: 'closed' };

/**
 * Brings the request's subjects to what the directory says now. The first time it makes them; immediately before a claim
 * it lets additions join and takes departures back (rule 8). Doing it twice is as once.
 */
export async function storeResolution(
  database: Database,
  keys: DigestKeys,
  resolution: Resolution,
): Promise<ResolutionEnd> {
  const { request, at } = resolution;
  const end = await transaction<ResolutionEnd>(database, async (tx) => {
    // The planner knows nothing yet of rows that this transaction writes, and would walk them once per row.
    await tx`SET LOCAL enable_nestloop = off`;
    const staging = { tx, keys, requestId: request.id, project: request.project, kind: request.subjectKind };
    await stageFacts(staging, resolution.facts);
    if (resolution.excepted !== undefined) await stageExcepted(staging, resolution.excepted);
    await lockProject(tx, request.project);
    const now = await readRequestRow(tx, request.id);
    if (now.concludedAt !== null || now.cancelledAt !== null) return { end: 'closed' };
    const first = now.resolvedAt === null;
    // What was counted is what is to be confirmed.
    if (!first && isUnconfirmed(now)) return { end: 'resolved', joined: 0, departed: 0, unknown: 0, wake: [] };
    if (first && resolution.excepted !== undefined) await storeExcepted(staging);
    if (now.selection === 'everyone') await setExceptedAside(staging);
    if (first && now.selection !== 'identities') {
      const selected = await numberSelected(tx, now, resolution);
      if (resolution.limit !== null && selected > resolution.limit) return fail(tx, request, 'too_many_subjects', at);
    }
    await setWithdrawnAside(tx, request.id);
    await setAmbiguousAside(tx, request.id);
    if (first) await stageUnknown(staging);
    await analyseStage(staging);
    const { resolved, joining } = await stageSubjects(staging);
    if (!first && !now.growthAccepted && joining > resolution.growth(resolved)) return { end: 'grew', joined: joining };
    await addSubjects(staging, now);
    await addIdentities(staging);
    await addDigests(staging);
    await tellOutcomes(tx, request.id);
    const { withdrawn: departed, wake } = first
      ? { withdrawn: 0, wake: [] }
      : await withdrawSubjects(tx, {
          requestId: request.id,
          chosen: departedSubjects(request.id),
          at,
          window: resolution.policy.window,
        });
    if (first) await freeze(tx, now, resolution.processors, at);
    const unknown = await unknownCount(tx, request.id);
    if (first || joining > 0 || departed > 0) {
      const detail = { subjects: resolved + joining, joined: first ? 0 : joining, departed, unknown };
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
    return { end: 'resolved', joined: joining, departed, unknown, wake };
  });
  if (end.end === 'resolved') await analyseAfter(database, end.joined);
  return end;
}

/**
 * A segment, or everyone, is frozen here: each of its subjects gets a position, as if it had been submitted. Only now is
 * it known how many there are, and so by when they can be deleted.
 */
async function numberSelected(tx: Transaction, request: RequestRow, { policy, processors, at }: Resolution) {
  await tx`UPDATE stage SET position = numbered.position
    FROM (SELECT key_value, row_number() OVER (ORDER BY key_value) AS position FROM stage WHERE match) numbered
    WHERE stage.match AND stage.key_value = numbered.key_value`;
  const inserted = await tx`INSERT INTO lethe.submitted_identities (request_id, position, type, value)
    SELECT ${request.id}, position, key_type, key_value FROM stage WHERE match`;
  await tx`UPDATE lethe.requests SET submitted = ${inserted.count}, attended_at = ${at} WHERE id = ${request.id}`;
  if (isDeletion(request)) {
    const forecast = forecastOf(policy, processors, request.hardDeleteAt, at);
    const sized = { ...request, expedited: request.expedite !== null, forecast };
    await tx`UPDATE lethe.requests SET estimated_completion_at = ${estimatedCompletion(sized, inserted.count)} WHERE id = ${request.id}`;
  }
  return inserted.count;
}

/** Cancelled while the directory was being asked. */
async function setWithdrawnAside(tx: Transaction, requestId: string): Promise<void> {
  const set = await tx`DELETE FROM stage USING lethe.submitted_identities submitted
    WHERE stage.match AND submitted.request_id = ${requestId} AND submitted.position = stage.position AND withdrawn_at IS NOT NULL`;
  if (set.count > 0) await dropUnmatchedFacts(tx);
}

/** What else somebody is called is of no interest once nobody means that person. */
async function dropUnmatchedFacts(tx: Transaction): Promise<void> {
  await tx`DELETE FROM stage WHERE NOT match AND NOT EXISTS (
    SELECT FROM stage own WHERE own.match AND own.key_type = stage.key_type AND own.key_value = stage.key_value)`;
}

/**
 * An identity that is no alias and yet stands for several subjects names none of them: deleting a household because one
 * of it asked would delete bystanders. Subjects that it stood for alone when it was resolved stay its own.
 */
async function setAmbiguousAside(tx: Transaction, requestId: string): Promise<void> {
  await tx`CREATE TEMPORARY TABLE ambiguous ON COMMIT DROP AS
    SELECT position FROM stage JOIN lethe.submitted_identities submitted USING (position)
    WHERE stage.match AND submitted.request_id = ${requestId} AND submitted.type <> ${ALIAS}
    GROUP BY position HAVING count(DISTINCT stage.key_value) > 1`;
  const set = await tx`UPDATE lethe.submitted_identities SET outcome = 'invalid', reason = 'ambiguous'
    WHERE request_id = ${requestId} AND position IN (SELECT position FROM ambiguous) AND outcome IS NULL`;
  await tx`DELETE FROM stage WHERE match AND position IN (SELECT position FROM ambiguous) AND NOT EXISTS (
      SELECT FROM lethe.matches JOIN lethe.subject_identities own USING (request_id, seq)
      WHERE matches.request_id = ${requestId} AND matches.position = stage.position
        AND own.origin = 'key' AND own.type = stage.key_type AND own.value = stage.key_value)`;
  if (set.count > 0) await dropUnmatchedFacts(tx);
}

async function freeze(
  tx: Transaction,
  request: RequestRow,
  processors: readonly ProcessorEntry[],
  at: Date,
): Promise<void> {
  const { id: requestId } = request;
  const status = isUnconfirmed(request) || !isDeletion(request) ? 'resolving' : 'grace';
  const frozen = Object.fromEntries(processors.map((processor) => [processor.name, processor.dataMapHash]));
  await tx`UPDATE lethe.requests SET processors = ${tx.json(frozen)}, resolved_at = ${at}, status = ${status} WHERE id = ${requestId}`;
  if (status !== request.status) await announce(tx, requestId, at);
  if (!isDeletion(request)) return;
  for (const { name, hides } of processors) {
    await tx`INSERT INTO lethe.processor_visibility (request_id, processor, hides)
      VALUES (${requestId}, ${name}, ${hides && request.scope === 'data'}) ON CONFLICT DO NOTHING`;
  }
}

async function fail(
  tx: Transaction,
  request: RequestRow,
  failure: string,
  at: Date,
): Promise<{ readonly end: 'closed' }> {
  await tx`UPDATE lethe.requests SET status = 'failed', failure = ${failure}, concluded_at = ${at} WHERE id = ${request.id}`;
  await announce(tx, request.id, at);
  await tx`UPDATE lethe.requests SET notify = NULL WHERE id = ${request.id}`;
  await tx`DELETE FROM lethe.submitted_identities WHERE request_id = ${request.id}`;
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

async function unknownCount(tx: Transaction, requestId: string): Promise<number> {
  const [{ count } = { count: 0 }] = await tx<{ count: number }[]>`
    SELECT count(*) FROM lethe.subjects WHERE request_id = ${requestId} AND NOT known AND present IS NULL AND state IN ('resolved', 'wanted')`;
  return count;
}
