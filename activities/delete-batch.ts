import { randomUUID } from 'node:crypto';
import type { Batch, Deletion } from '../connectors/connector.ts';
import type { Database } from '../db/client.ts';
import { readBlocked, recordAttempt, startAttempt } from '../db/deletion/attempts.ts';
import { type BatchWork, nextStep, readBatchWork, recordRange, recordVerification } from '../db/deletion/batches.ts';
import { restartExportsAfterPartialDeletion } from '../db/exports/remove-claimed.ts';
import { clearAttention } from '../db/attention/raise.ts';
import { claimedIdentities } from '../db/subjects/identities.ts';
import type { NextStep, VerificationResult } from '../domain/batch.ts';
import type { AsOf, BatchKey } from '../domain/ids.ts';
import type { Step } from '../domain/vocabulary.ts';
import { requireCoverage, withAttention, withConnectorContext } from './connector-context.ts';
import { type ActivityDeps, hasNoVerification, projectOf } from './deps.ts';

/** Deletes and verifies batches. Both read from the rows which step is next. Idempotent. */
export const batchActivities = (deps: ActivityDeps) => ({
  async deleteBatch(input: BatchKey & AsOf): Promise<NextStep> {
    const { asOf, project } = input;
    const { settleMs } = projectOf(deps, project).policy;
    return withAttention(deps, attentionKey(input, 'delete'), asOf, async () => {
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
      const deletion: Deletion = await withConnectorContext(deps, input, (context) =>
        connector.hardDelete(
          toConnectorBatch(deps.database, work, except),
          {
            scope: work.scope,
            pass,
            suppress: work.suppress,
            at: new Date(asOf),
            ticket: work.ticket,
            onRangeFinished: (range) => recordRange(deps.database, input, pass, range),
          },
          context,
        ),
      );
      // Exports restarted at the claim, and may have read columns that were not cleared yet (rule 17).
      if ('done' in deletion && work.scope !== 'data')
        await deps.starter.signalRequests(
          await restartExportsAfterPartialDeletion(deps.database, work, new Date(asOf)),
        );
      const result = 'done' in deletion ? { ticket: null, blocked: deletion.blocked ?? [] } : deletion;
      return recordAttempt(deps.database, input, { attempt, pass, at: new Date(asOf) }, result);
    });
  },

  async verifyBatch(input: BatchKey & AsOf): Promise<NextStep> {
    const { asOf, project } = input;
    const { settleMs } = projectOf(deps, project).policy;
    return withAttention(deps, attentionKey(input, 'verify'), asOf, async () => {
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'verify') return next;
      const connector = deps.connector(project, input.system);
      const except = (await readBlocked(deps.database, input)).map(({ seq }) => seq);
      const result = await withConnectorContext(deps, input, async (context): Promise<VerificationResult> => {
        const batch = toConnectorBatch(deps.database, work, except);
        const verification = await connector.verify(batch, work.scope, context);
        if ('survivors' in verification) return { survivors: verification.survivors };
        if ('attestedAt' in verification) return { attestedAt: verification.attestedAt.getTime() };
        return hasNoVerification(deps, input) ? { unverified: true } : { unknown: true };
      });
      return recordVerification(deps.database, input, result, { now: asOf, settleMs });
    });
  },
});

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
});

const attentionKey = <const Name extends Step>({ project, requestId, system, batch }: BatchKey, step: Name) => ({
  project,
  requestId,
  system,
  step,
  batch,
});
