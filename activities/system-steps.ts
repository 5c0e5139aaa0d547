import { type Batch, type ConnectorContext, ConnectorError, type Count } from '../connectors/connector.ts';
import { countProposedSubjects, storeCount } from '../db/resolution/counts.ts';
import { readForeignIds } from '../db/subjects/foreign-ids.ts';
import { IS_PROPOSED, IS_UNKNOWN, isChanged, type Selected } from '../db/subjects/selected.ts';
import { changedIdentities, proposedIdentities, unknownIdentities } from '../db/subjects/identities.ts';
import { readRequestRow } from '../db/requests/row.ts';
import { markPresent, countUnresolvedSubjects } from '../db/subjects/unresolved.ts';
import { readSubjectsToPurge, recordPurged } from '../db/subjects/purge.ts';
import { isSkipped, recordAppliedVisibility, readVisibilityChanges } from '../db/subjects/visibility.ts';
import type { AsOf, SystemKey } from '../domain/ids.ts';
import { type ActivityDeps, canCount } from './deps.ts';
import { requireCoverage, withAttention, withConnectorContext } from './connector-context.ts';

/** Steps of one system, on its own task queue. Deletion is in deletion/. */
export const systemActivities = (deps: ActivityDeps) => ({
  /** Checks connection, permissions, data map and coverage, as at start (rule 5). Changes nothing. */
  async inspectSystem({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'inspect', batch: 0 }, asOf, () => requireCoverage(deps, key));
  },

  /** Applies the newest desired visibility. The next call applies a change that arrives meanwhile (rule 9). */
  async applyVisibility({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'visibility', batch: 0 }, asOf, async () => {
      const { requestId, project, system } = key;
      const { subjectKind: kind } = await readRequestRow(deps.database, requestId);
      const { applied, generation, hide, show, lastSeq } = await readVisibilityChanges(
        deps.database,
        requestId,
        system,
      );
      const connector = deps.connector(project, system);
      for (const [size, hidden] of [
        [hide, true],
        [show, false],
      ] as const) {
        if (size === 0 || connector.setVisibility === undefined) continue;
        const name = `g${generation}${hidden ? 'h' : 's'}`;
        const batch: Batch = {
          requestId,
          kind,
          batch: name,
          firstSeq: 1,
          lastSeq,
          size,
          identities: () => changedIdentities(deps.database, requestId, { after: applied, hidden }, lastSeq),
          foreignIds: () =>
            readForeignIds(
              deps.database,
              { ...key, batch: name },
              { firstSeq: 1, lastSeq, condition: isChanged({ after: applied, hidden }) },
            ),
        };
        const change = { hidden, generation, at: new Date(asOf) };
        await withConnectorContext(deps, key, async (context) => connector.setVisibility?.(batch, change, context), {
          batch,
        });
      }
      await recordAppliedVisibility(deps.database, requestId, system, generation);
    });
  },

  /** Records which subjects that the directory does not know have data here. For a system that cannot count: all of them. */
  async searchUnresolved({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'resolve', batch: 0 }, asOf, async () => {
      const { requestId } = key;
      const { size, lastSeq } = await countUnresolvedSubjects(deps.database, requestId);
      if (size === 0 || (await isSkipped(deps.database, requestId, key.system))) return;
      if (!canCount(deps, key)) return markPresent(deps.database, requestId, 'all');
      const identities = () => unknownIdentities(deps.database, requestId, lastSeq);
      const subjects = { batch: 'unknown', lastSeq, size, identities, condition: IS_UNKNOWN };
      const { presentSeqs } = await countRows(deps, key, subjects);
      await markPresent(deps.database, requestId, presentSeqs);
    });
  },

  /** Counts the rows of the proposed subjects, for the confirmation. */
  async countSubjects({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'resolve', batch: 0 }, asOf, async () => {
      const { requestId } = key;
      const { size, lastSeq } = await countProposedSubjects(deps.database, requestId);
      if (size === 0) return;
      if (!canCount(deps, key)) return storeCount(deps.database, key, null);
      const identities = () => proposedIdentities(deps.database, requestId, lastSeq);
      const subjects = { batch: 'counted', lastSeq, size, identities, condition: IS_PROPOSED };
      const { tables } = await countRows(deps, key, subjects);
      await storeCount(deps.database, key, tables);
    });
  },

  /** Removes the identities of finished subjects that the system keeps for the request. */
  async purgeSystem({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'conclude', batch: 0 }, asOf, async () => {
      const { requestId, project, system } = key;
      const { subjectKind: kind } = await readRequestRow(deps.database, requestId);
      if (await isSkipped(deps.database, requestId, system)) return;
      const { generation, seqs } = await readSubjectsToPurge(deps.database, key);
      const connector = deps.connector(project, system);
      await withConnectorContext(deps, key, async (context) => connector.purge?.({ requestId, kind, seqs }, context));
      await recordPurged(deps.database, key, generation);
    });
  },

  /** Removes what the system keeps for the request. */
  async cleanUpSystem({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'conclude', batch: 0 }, asOf, async () => {
      const { requestId, project, system } = key;
      const { subjectKind: kind } = await readRequestRow(deps.database, requestId);
      const connector = deps.connector(project, system);
      await withConnectorContext(deps, key, async (context) => connector.conclude?.({ requestId, kind }, context));
    });
  },
});

/** Counts the rows that the system holds on some of a request's subjects. */
async function countRows(
  deps: ActivityDeps,
  key: SystemKey,
  {
    condition,
    ...subjects
  }: Pick<Batch, 'batch' | 'lastSeq' | 'size' | 'identities'> & { readonly condition: Selected },
): Promise<Count> {
  const { requestId, project, system } = key;
  const request = await readRequestRow(deps.database, requestId);
  const { subjectKind: kind } = request;
  // An export of any scope searches all rows, since it includes every subject that has data.
  const scope = request.kind === 'export' ? 'data' : request.scope;
  const { batch: name, lastSeq } = subjects;
  const foreignIds = () => readForeignIds(deps.database, { ...key, batch: name }, { firstSeq: 1, lastSeq, condition });
  const batch: Batch = { requestId, kind, firstSeq: 1, ...subjects, foreignIds };
  const connector = deps.connector(project, system);
  const count = async (context: ConnectorContext): Promise<Count> => {
    if (connector.count === undefined)
      throw new ConnectorError('refused', 'the system cannot count', { retryable: false });
    return connector.count(batch, scope, context);
  };
  return withConnectorContext(deps, key, count, { batch });
}
