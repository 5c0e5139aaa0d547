import type { Deletion } from '../connectors/connector.ts';
import { batchDeleted, batchSeen, nextStep, readBatchWork } from '../db/deletion/batches.ts';
import { partEmptied } from '../db/exports/remove-claimed.ts';
import { clearAttention } from '../db/attention/raise.ts';
import { rangeFinished } from '../db/deletion/ranges.ts';
import type { NextStep, Seen } from '../domain/batch.ts';
import { claimedBatch } from './batch.ts';
import { type ActivityDeps, projectOf, saysNothing } from './deps.ts';
import type { BatchAt } from './ledger.ts';
import { attended, requireCoverage, withWork } from './connector-context.ts';

/** The destructive step and the look after it. Each reads from the rows where it stands, and may be done again at any time. */
export const batchActivities = (deps: ActivityDeps) => ({
  async deleteBatch(input: BatchAt): Promise<NextStep> {
    const { asOf, project } = input;
    const { settleMs } = projectOf(deps, project).policy;
    return attended(deps, attentionKey(input), asOf, async () => {
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'delete') return next;
      const connector = deps.connector(project, input.processor);
      await requireCoverage(deps, input);
      // Before the claim it may have been out of reach: it no longer is.
      const inspection = { ...attentionKey(input), step: 'inspect', batch: 0 } as const;
      await clearAttention(deps.database, inspection, new Date(asOf), 'processor_unavailable');
      const deletion: Deletion = await withWork(deps, input, (lent) =>
        connector.hardDelete(
          claimedBatch(deps.database, work),
          {
            scope: work.scope,
            pass: work.pass,
            suppress: work.suppress,
            at: new Date(asOf),
            ticket: work.ticket,
            finished: (range) => rangeFinished(deps.database, input, work.pass, range),
          },
          lent,
        ),
      );
      const ticket = 'done' in deletion ? null : deletion.ticket;
      // Exports began again with the claim, and may have read what was not emptied yet (rule 17).
      if (ticket === null && work.scope !== 'data')
        await deps.starter.wake(await partEmptied(deps.database, work, new Date(asOf)));
      await batchDeleted(deps.database, input, ticket);
      return 'done' in deletion ? { step: 'verify', at: asOf } : { step: 'delete', at: deletion.askAgainAt.getTime() };
    });
  },

  async verifyBatch(input: BatchAt): Promise<NextStep> {
    const { asOf, project } = input;
    const { settleMs } = projectOf(deps, project).policy;
    return attended(deps, attentionKey(input), asOf, async () => {
      const work = await readBatchWork(deps.database, input);
      const next = nextStep(work, asOf, settleMs);
      if (next.step !== 'verify') return next;
      const connector = deps.connector(project, input.processor);
      const seen = await withWork(deps, input, async (lent): Promise<Seen> => {
        const verification = await connector.verify(claimedBatch(deps.database, work), work.scope, lent);
        if ('survivors' in verification) return { survivors: verification.survivors };
        if ('attestedAt' in verification) return { attestedAt: verification.attestedAt.getTime() };
        return saysNothing(deps, input) ? { nothingSaid: true } : { unknown: true };
      });
      return batchSeen(deps.database, input, seen, { now: asOf, settleMs });
    });
  },
});

const attentionKey = ({ project, requestId, processor, batch }: BatchAt) =>
  ({ project, requestId, processor, step: 'delete', batch }) as const;
