import { randomUUID } from 'node:crypto';
import {
  type Batch,
  type Connector,
  type ConnectorContext,
  Deferral,
  type Deletion,
  type HardDeletion,
  type Verification,
} from '../../connectors/connector.ts';
import type { Database } from '../../db/client.ts';
import { type DeletionAttempt, readBlocked, recordAttempt, startAttempt } from '../../db/deletion/attempts.ts';
import { type BatchWork, nextStep, readBatchWork, recordVerification } from '../../db/deletion/batches.ts';
import { keepTicket, readRangeLog, recordRange } from '../../db/deletion/ranges.ts';
import { restartExportsAfterPartialDeletion } from '../../db/exports/remove-claimed.ts';
import { clearAttention } from '../../db/attention/raise.ts';
import { readForeignIds } from '../../db/subjects/foreign-ids.ts';
import { claimedIdentities } from '../../db/subjects/identities.ts';
import { isClaimedIn } from '../../db/subjects/selected.ts';
import type { NextStep, VerificationResult } from '../../domain/batch.ts';
import type { AsOf, BatchKey } from '../../domain/ids.ts';
import type { Step } from '../../domain/vocabulary.ts';
import { attemptClock, requireCoverage, withAttention, withConnectorContext } from '../connector-context.ts';
import { type ActivityDeps, settleMsOf, systemOf } from '../deps.ts';
import { idempotencyKey } from './idempotency-key.ts';

/** Deletes and verifies batches. Both read from the rows which step is next. Idempotent. */
export const batchActivities = (deps: ActivityDeps) => ({
  async deleteBatch(input: BatchKey & AsOf): Promise<NextStep> {
    const { asOf, project } = input;
    const settleMs = settleMsOf(deps, input);
    return withAttention(deps, attentionKey(input, 'delete'), asOf, async () => {
      const now = attemptClock();
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'delete') return next;
      const connector = deps.connector(project, input.system);
      await requireCoverage(deps, input);
      // The inspection before the claim may have failed because the system was unreachable.
      const inspection = { ...attentionKey(input, 'inspect'), batch: 0 };
      await clearAttention(deps.database, inspection, new Date(asOf), ['system_unavailable']);
      const attempt = randomUUID();
      const started = await startAttempt(deps.database, input, attempt);
      if (started === null) return nextStep(await readBatchWork(deps.database, input), asOf, settleMs);
      const { pass, except } = started;
      const hardDeletion = await toHardDeletion(deps.database, input, { work, pass, except, at: new Date(asOf), now });
      const batch = toConnectorBatch(deps.database, work, except);
      let hasAnswered = false;
      const answered =
        <Input extends readonly unknown[]>(report: (...input: Input) => Promise<void>) =>
        (...input: Input) => {
          hasAnswered = true;
          return report(...input);
        };
      const { keepTicket: keep, onRangeFinished } = hardDeletion;
      const observed = { ...hardDeletion, keepTicket: answered(keep), onRangeFinished: answered(onRangeFinished) };
      const deletion: Deletion = await deferrable(
        () =>
          withConnectorContext(deps, input, (context) => connector.hardDelete(batch, observed, context), {
            canContinue: true,
            batch,
            hasAnswered: () => hasAnswered,
          }),
        (until) => ({ continueAt: until }),
      );
      // Exports restarted at the claim, and may have read columns that were not cleared yet (rule 17).
      if ('done' in deletion && work.scope !== 'data')
        await deps.starter.signalRequests(
          await restartExportsAfterPartialDeletion(deps.database, work, new Date(asOf)),
        );
      const lagMs = systemOf(deps, input)?.settleMs ?? 0;
      const result =
        'done' in deletion
          ? {
              blocked: deletion.blocked ?? [],
              attestedAt: deletion.attestedAt,
              verifyAt: lagMs === 0 ? undefined : new Date(now().getTime() + lagMs),
            }
          : deletion;
      return recordAttempt(deps.database, input, { attempt, pass, at: new Date(asOf) }, result);
    });
  },

  async verifyBatch(input: BatchKey & AsOf): Promise<NextStep> {
    const { asOf, project } = input;
    const settleMs = settleMsOf(deps, input);
    return withAttention(deps, attentionKey(input, 'verify'), asOf, async () => {
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'verify') return next;
      const connector = deps.connector(project, input.system);
      const except = (await readBlocked(deps.database, input)).map(({ seq }) => seq);
      const batch = toConnectorBatch(deps.database, work, except);
      const verification = await deferrable<Verification | null>(
        () => withConnectorContext(deps, input, (context) => verify(connector, batch, work, context), { batch }),
        (until) => ({ verifyAgainAt: until }),
      );
      const result = toResult(deps, input, work, verification);
      return recordVerification(deps.database, input, result, { now: asOf, settleMs });
    });
  },
});

/** Null if the system cannot be asked. */
const verify = async (connector: Connector, batch: Batch, { scope }: BatchWork, context: ConnectorContext) =>
  (await connector.verify?.(batch, scope, context)) ?? null;

/** A deferred call is repeated later, without a running activity. */
async function deferrable<Result>(call: () => Promise<Result>, deferred: (until: Date) => Result): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Deferral) return deferred(error.until);
    throw error;
  }
}

/** Unknown from a system that can verify is a failure. From one that cannot, it is all that there is to say. */
function toResult(
  deps: ActivityDeps,
  key: BatchKey,
  work: BatchWork,
  verification: Verification | null,
): VerificationResult {
  const level = systemOf(deps, key)?.verification;
  const by = level === 'person' ? 'person' : 'system';
  const statedAt = work.attestedAt?.getTime() ?? null;
  if (verification === null)
    return statedAt !== null
      ? { attestedAt: statedAt, by }
      : level === 'none'
        ? { unverified: true }
        : { unknown: true };
  if ('verifyAgainAt' in verification) return { verifyAgainAt: verification.verifyAgainAt.getTime() };
  if ('survivors' in verification) {
    const { survivors, tables, attested = [] } = verification;
    const attestedAt = verification.attestedAt?.getTime() ?? statedAt;
    // What was neither read nor stated is not known to be deleted.
    if (survivors === 0 && attested.length > 0 && attestedAt === null) return { unknown: true };
    return { survivors, read: Object.keys(tables), attested, attestedAt };
  }
  if ('attestedAt' in verification) return { attestedAt: verification.attestedAt.getTime(), by };
  return level === 'none' ? { unverified: true } : { unknown: true };
}

/** What a connector needs to continue the work of earlier attempts of the pass. */
async function toHardDeletion(
  database: Database,
  key: BatchKey,
  attempt: DeletionAttempt & { readonly work: BatchWork; readonly at: Date; readonly now: () => Date },
): Promise<HardDeletion> {
  const { work, pass, except, at, now } = attempt;
  const { isFinished, tickets } = await readRangeLog(database, key, pass);
  return {
    scope: work.scope,
    pass,
    suppress: work.suppress,
    at,
    isFinished,
    tickets,
    keepTicket: (range, ticket) => keepTicket(database, key, { range, ticket, pass, keptAt: now() }),
    idempotencyKey: (range, call) => idempotencyKey({ ...key, pass, except }, range, call),
    onRangeFinished: (range) => recordRange(database, key, pass, range),
  };
}

/** Converts the work on a claimed batch to the form that connectors accept. */
const toConnectorBatch = (database: Database, work: BatchWork, except: readonly number[]): Batch => ({
  requestId: work.requestId,
  kind: work.kind,
  batch: `b${work.batch}`,
  firstSeq: work.firstSeq,
  lastSeq: work.lastSeq,
  size: work.size,
  except,
  identities: () => claimedIdentities(database, work, except),
  foreignIds: () =>
    readForeignIds(
      database,
      { ...work, batch: `b${work.batch}` },
      { ...work, condition: isClaimedIn(work.batch, except) },
    ),
});

const attentionKey = <const Name extends Step>({ project, requestId, system, batch }: BatchKey, step: Name) => ({
  project,
  requestId,
  system,
  step,
  batch,
});
