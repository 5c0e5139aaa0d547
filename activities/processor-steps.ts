import type { Batch, Count } from '../connectors/connector.ts';
import { proposedSubjects, storeCount } from '../db/resolution/counts.ts';
import { changedIdentities, proposedIdentities, unknownIdentities } from '../db/subjects/identities.ts';
import { readRequestRow } from '../db/requests/row.ts';
import { readUntold } from '../db/suppressions/propagate.ts';
import { markPresent, unknownSubjects } from '../db/subjects/unresolved.ts';
import { visibilityApplied, visibilityChanges } from '../db/subjects/visibility.ts';
import { type ActivityDeps, saysNothing } from './deps.ts';
import type { StepAt } from './ledger.ts';
import { attended, requireCoverage, withWork } from './connector-context.ts';

/** Steps of one processor, on its own task queue, other than deleting. */
export const processorActivities = (deps: ActivityDeps) => ({
  /** Connection, rights, data map, coverage, as at start (rule 5). Changes nothing. */
  async inspectProcessor({ asOf, ...key }: StepAt): Promise<void> {
    await attended(deps, { ...key, step: 'inspect', batch: 0 }, asOf, () => requireCoverage(deps, key));
  },

  /** Follows the newest desired visibility; what changes meanwhile is left to the next call (rule 9). */
  async applyVisibility({ asOf, ...key }: StepAt): Promise<void> {
    await attended(deps, { ...key, step: 'visibility', batch: 0 }, asOf, async () => {
      const { requestId, project, processor } = key;
      const { subjectKind: kind } = await readRequestRow(deps.database, requestId);
      const { applied, generation, hide, show, lastSeq } = await visibilityChanges(deps.database, requestId, processor);
      const connector = deps.connector(project, processor);
      for (const [size, hidden] of [
        [hide, true],
        [show, false],
      ] as const) {
        if (size === 0 || connector.setVisibility === undefined) continue;
        const batch: Batch = {
          requestId,
          kind,
          batch: `g${generation}${hidden ? 'h' : 's'}`,
          firstSeq: 1,
          lastSeq,
          size,
          identities: () => changedIdentities(deps.database, requestId, { after: applied, hidden }, lastSeq),
        };
        await withWork(deps, key, async (work) =>
          connector.setVisibility?.(batch, { hidden, generation, at: new Date(asOf) }, work),
        );
      }
      await visibilityApplied(deps.database, requestId, processor, generation);
    });
  },

  /** Whether the processor holds anything on subjects that the directory does not know. Not to be able to say counts as yes. */
  async lookForUnknown({ asOf, ...key }: StepAt): Promise<void> {
    await attended(deps, { ...key, step: 'resolve', batch: 0 }, asOf, async () => {
      const { requestId } = key;
      const { size, lastSeq } = await unknownSubjects(deps.database, requestId);
      if (size === 0) return;
      if (saysNothing(deps, key)) return markPresent(deps.database, requestId, 'all');
      const identities = () => unknownIdentities(deps.database, requestId, lastSeq);
      const { presentSeqs } = await count(deps, key, { batch: 'unknown', lastSeq, size, identities });
      await markPresent(deps.database, requestId, presentSeqs);
    });
  },

  /** What the processor holds on those who are proposed, for whoever is to confirm it. */
  async countSubjects({ asOf, ...key }: StepAt): Promise<void> {
    await attended(deps, { ...key, step: 'resolve', batch: 0 }, asOf, async () => {
      const { requestId } = key;
      const { size, lastSeq } = await proposedSubjects(deps.database, requestId);
      if (size === 0) return;
      if (saysNothing(deps, key)) return storeCount(deps.database, key, null);
      const identities = () => proposedIdentities(deps.database, requestId, lastSeq);
      const { tables } = await count(deps, key, { batch: 'counted', lastSeq, size, identities });
      await storeCount(deps.database, key, tables);
    });
  },

  async concludeProcessor({ asOf, ...key }: StepAt): Promise<void> {
    await attended(deps, { ...key, step: 'conclude', batch: 0 }, asOf, async () => {
      const { requestId, project, processor } = key;
      const { subjectKind: kind } = await readRequestRow(deps.database, requestId);
      const connector = deps.connector(project, processor);
      await withWork(deps, key, async (work) => connector.conclude?.({ requestId, kind }, work));
    });
  },

  /** A refusal to collect, or its end, told to one processor. */
  async tellSuppression({
    suppressionId,
    processor,
  }: {
    readonly suppressionId: string;
    readonly processor: string;
  }): Promise<void> {
    const untold = await readUntold(deps.database, suppressionId);
    if (untold === null) return;
    const { project, kind, identity, suppressed } = untold;
    const identities = async function* () {
      yield [{ seq: 1, identity }];
    };
    const batch: Batch = { requestId: suppressionId, kind, batch: 's', firstSeq: 1, lastSeq: 1, size: 1, identities };
    const connector = deps.connector(project, processor);
    await withWork(deps, { project, processor }, async (work) => connector.setSuppression?.(batch, suppressed, work));
  },
});

/** What the processor holds on some of a request's subjects. */
async function count(
  deps: ActivityDeps,
  { requestId, project, processor }: Omit<StepAt, 'asOf'>,
  subjects: Pick<Batch, 'batch' | 'lastSeq' | 'size' | 'identities'>,
): Promise<Count> {
  const request = await readRequestRow(deps.database, requestId);
  const { subjectKind: kind } = request;
  // Whom nothing at all is held on is not in an export, whatever part of it was asked for.
  const scope = request.kind === 'export' ? 'data' : request.scope;
  const batch: Batch = { requestId, kind, firstSeq: 1, ...subjects };
  return withWork(deps, { project, processor }, (work) => deps.connector(project, processor).count(batch, scope, work));
}
