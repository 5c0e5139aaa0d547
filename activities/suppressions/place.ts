import type { Batch } from '../../connectors/connector.ts';
import { digestsOf } from '../../db/digests.ts';
import {
  readLifted,
  readSuppressedIdentities,
  recordPlaced,
  type SuppressedIdentity,
} from '../../db/suppressions/place.ts';
import type { SubjectIdentity } from '../../domain/identity.ts';
import type { AsOf, SystemKey } from '../../domain/ids.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { withConnectorContext } from '../connector-context.ts';
import type { ActivityDeps } from '../deps.ts';

/**
 * Places a suppression, without identities that were lifted meanwhile. Returns false if others were lifted during the
 * call, which can then have placed them after their lift.
 */
export async function placeOnce(
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
    await withConnectorContext(deps, key, async (context) =>
      deps
        .connector(project, system)
        .setSuppression?.(batchOf(suppressionId, { kind, name }, entries), suppressed, context),
    );
  }
  return recordPlaced(deps.database, key, { suppressionId, lifted, at: new Date(asOf) });
}

/** The identities of a suppression as a batch, whose name distinguishes placing from lifting. */
export function batchOf(
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
    async *foreignIds() {},
  } satisfies Batch;
}
