import type { Database } from '../../db/client.ts';
import type { DigestKeys } from '../../db/digests.ts';
import { readRequestRow } from '../../db/requests/row.ts';
import { openSuppressions } from '../../db/suppressions/open.ts';
import { readLackingSuppressions, recordPlaced } from '../../db/suppressions/place.ts';
import { markSuppressionPropagated, recordSuppressionApplied } from '../../db/suppressions/propagate.ts';

/** Records that every system of a request, or only these, has the suppressions that the request leaves. */
export async function placeAll(
  database: Database,
  keys: DigestKeys,
  placed: { readonly requestId: string; readonly at: Date; readonly systems?: readonly string[] },
): Promise<void> {
  const { requestId, at } = placed;
  const { project, systems } = await readRequestRow(database, requestId);
  await openSuppressions(database, keys, { requestId, at });
  for (const system of placed.systems ?? Object.keys(systems ?? {})) {
    const key = { requestId, project, system };
    for (const { id } of await readLackingSuppressions(database, key))
      await recordPlaced(database, key, { suppressionId: id, lifted: [], at });
  }
}

/** Records that these systems have applied a member's change of a suppression, and that it is propagated. */
export async function propagateTo(
  database: Database,
  suppressionId: string,
  change: { readonly suppressed: boolean; readonly systems: readonly string[]; readonly at: Date },
): Promise<void> {
  for (const system of change.systems) await recordSuppressionApplied(database, { ...change, suppressionId, system });
  await markSuppressionPropagated(database, suppressionId, change);
}
