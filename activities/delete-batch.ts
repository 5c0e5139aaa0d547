import type { Batch, Deletion } from '../connectors/connector.ts';
import type { Database } from '../db/client.ts';
import {
  recordBatchDeletion,
  type BatchWork,
  nextStep,
  readBatchWork,
  recordRange,
  recordVerification,
} from '../db/deletion/batches.ts';
import { restartExportsAfterPartialDeletion } from '../db/exports/remove-claimed.ts';
import { clearAttention } from '../db/attention/raise.ts';
import { claimedIdentities } from '../db/subjects/identities.ts';
import type { NextStep, VerificationResult } from '../domain/batch.ts';
import type { AsOf, AttentionKey, BatchKey } from '../domain/ids.ts';
import { requireCoverage, withAttention, withConnectorContext } from './connector-context.ts';
import { type ActivityDeps, hasNoVerification, projectOf } from './deps.ts';

/** Deletes and verifies batches. Both read from the rows which step is next. Idempotent. */
export const batchActivities = (deps: ActivityDeps) => ({
  async deleteBatch(input: BatchKey & AsOf): Promise<NextStep> {
    const { asOf, project } = input;
    const { settleMs } = projectOf(deps, project).policy;
    return withAttention(deps, attentionKey(input), asOf, async () => {
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'delete') return next;
      const connector = deps.connector(project, input.system);
      await requireCoverage(deps, input);
      // The inspection before the claim may have failed because the system was unreachable.
      const inspection = { ...attentionKey(input), step: 'inspect', batch: 0 } as const;
      await clearAttention(deps.database, inspection, new Date(asOf), 'system_unavailable');
      const deletion: Deletion = await withConnectorContext(deps, input, (context) =>
        connector.hardDelete(
          toConnectorBatch(deps.database, work),
          {
            scope: work.scope,
            pass: work.pass,
            suppress: work.suppress,
            at: new Date(asOf),
            ticket: work.ticket,
            onRangeFinished: (range) => recordRange(deps.database, input, work.pass, range),
          },
          context,
        ),
      );
      const ticket = 'done' in deletion ? null : deletion.ticket;
      // Exports restarted at the claim, and may have read columns that were not cleared yet (rule 17).
      if (ticket === null && work.scope !== 'data')
        await deps.starter.signalRequests(
          await restartExportsAfterPartialDeletion(deps.database, work, new Date(asOf)),
        );
      await recordBatchDeletion(deps.database, input, ticket);
      return 'done' in deletion ? { step: 'verify', at: asOf } : { step: 'delete', at: deletion.continueAt.getTime() };
    });
  },

  async verifyBatch(input: BatchKey & AsOf): Promise<NextStep> {
    const { asOf, project } = input;
    const { settleMs } = projectOf(deps, project).policy;
    return withAttention(deps, attentionKey(input), asOf, async () => {
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'verify') return next;
      const connector = deps.connector(project, input.system);
      const result = await withConnectorContext(deps, input, async (context): Promise<VerificationResult> => {
        const verification = await connector.verify(toConnectorBatch(deps.database, work), work.scope, context);
        if ('survivors' in verification) return { survivors: verification.survivors };
        if ('attestedAt' in verification) return { attestedAt: verification.attestedAt.getTime() };
        return hasNoVerification(deps, input) ? { unverified: true } : { unknown: true };
      });
      return recordVerification(deps.database, input, result, { now: asOf, settleMs });
    });
  },
});

/** Converts the work on a claimed batch to the form that connectors accept. */
const toConnectorBatch = (database: Database, work: BatchWork): Batch => ({
  requestId: work.requestId,
  kind: work.kind,
  batch: `b${work.batch}`,
  firstSeq: work.firstSeq,
  lastSeq: work.lastSeq,
  size: work.size,
  identities: () => claimedIdentities(database, work.requestId, work.batch, work.firstSeq, work.lastSeq),
});

const attentionKey = ({ project, requestId, system, batch }: BatchKey): AttentionKey => ({
  project,
  requestId,
  system,
  step: 'delete',
  batch,
});
