import { readRequestRow } from '../../db/requests/row.ts';
import { readLackingSuppressions } from '../../db/suppressions/place.ts';
import { readPendingSuppression, recordSuppressionApplied } from '../../db/suppressions/propagate.ts';
import { otherForms } from '../../domain/identity-forms.ts';
import type { AsOf, SystemKey } from '../../domain/ids.ts';
import { withAttention, withConnectorContext } from '../connector-context.ts';
import type { ActivityDeps } from '../deps.ts';
import { batchOf, placeOnce } from './place.ts';

/** Places and lifts suppressions in one system. Idempotent. */
export const suppressionActivities = (deps: ActivityDeps) => ({
  /** Places the suppressions that the deleted subjects of a request leave, whichever request has deleted them (rule 23). */
  async placeSuppressions({ asOf, ...key }: SystemKey & AsOf): Promise<void> {
    await withAttention(deps, { ...key, step: 'suppress', batch: 0 }, asOf, async () => {
      const { subjectKind: kind } = await readRequestRow(deps.database, key.requestId);
      for (const { id } of await readLackingSuppressions(deps.database, key))
        while (!(await placeOnce(deps, key, { suppressionId: id, kind, asOf })));
    });
  },

  /** Applies a suppression that a member placed or lifted. */
  async applySuppression({
    suppressionId,
    system,
    asOf,
  }: {
    readonly suppressionId: string;
    readonly system: string;
  } & AsOf): Promise<void> {
    const pending = await readPendingSuppression(deps.database, suppressionId);
    if (pending === null) return;
    const { project, kind, identity, suppressed } = pending;
    const entries = [identity.value, ...otherForms(identity.value)].map((value) => ({
      seq: 1,
      identity: { ...identity, value },
    }));
    const batch = batchOf(suppressionId, { kind, name: 's' }, entries);
    await withConnectorContext(deps, { project, system }, async (context) =>
      deps.connector(project, system).setSuppression?.(batch, suppressed, context),
    );
    await recordSuppressionApplied(deps.database, { suppressionId, system, suppressed, at: new Date(asOf) });
  },
});
