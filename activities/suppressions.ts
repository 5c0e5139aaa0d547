import type { Batch } from '../connectors/connector.ts';
import { digestsOf } from '../db/digests.ts';
import { readRequestRow } from '../db/requests/row.ts';
import {
  readLackingSuppressions,
  readLifted,
  readSuppressedIdentities,
  recordPlaced,
  type SuppressedIdentity,
} from '../db/suppressions/place.ts';
import { readPendingSuppression, recordSuppressionApplied } from '../db/suppressions/propagate.ts';
import { otherForms } from '../domain/identity-forms.ts';
import type { SubjectIdentity } from '../domain/identity.ts';
import type { AsOf, SystemKey } from '../domain/ids.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import { withAttention, withConnectorContext } from './connector-context.ts';
import type { ActivityDeps } from './deps.ts';

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
    await withConnectorContext(deps, { project, system }, (context) =>
      deps.connector(project, system).setSuppression(batch, suppressed, context),
    );
    await recordSuppressionApplied(deps.database, { suppressionId, system, suppressed, at: new Date(asOf) });
  },
});

/**
 * Places a suppression, without identities that were lifted meanwhile. Returns false if others were lifted during the
 * call, which can then have placed them after their lift.
 */
async function placeOnce(
  deps: ActivityDeps,
  key: SystemKey,
  { suppressionId, kind, asOf }: { readonly suppressionId: string; readonly kind: SubjectKind } & AsOf,
): Promise<boolean> {
  const { project, system, requestId } = key;
  const lifted = await readLifted(deps.database, suppressionId);
  const identities = await readSuppressedIdentities(deps.database, { requestId, suppressionId });
  const isLifted = ({ type, canonical }: SuppressedIdentity): boolean =>
    digestsOf(deps.keys, project, kind, { type, value: canonical }).some(({ digest }) =>
      lifted.includes(digest.toString('hex')),
    );
  // An earlier attempt may have placed what is lifted now.
  for (const [name, suppressed, chosen] of [
    ['s', true, identities],
    ['l', false, lifted.length === 0 ? [] : identities.filter(isLifted)],
  ] as const) {
    if (chosen.length === 0) continue;
    const entries = chosen.map(({ seq, type, value }) => ({ seq, identity: { type, value } }));
    await withConnectorContext(deps, key, (context) =>
      deps
        .connector(project, system)
        .setSuppression(batchOf(suppressionId, { kind, name }, entries), suppressed, context),
    );
  }
  return recordPlaced(deps.database, key, { suppressionId, lifted, at: new Date(asOf) });
}

function batchOf(
  suppressionId: string,
  batch: { readonly kind: SubjectKind; readonly name: string },
  entries: readonly SubjectIdentity[],
) {
  const seqs = entries.map(({ seq }) => seq);
  return {
    requestId: suppressionId,
    kind: batch.kind,
    batch: batch.name,
    firstSeq: Math.min(...seqs),
    lastSeq: Math.max(...seqs),
    size: new Set(seqs).size,
    async *identities() {
      yield entries;
    },
  } satisfies Batch;
}
