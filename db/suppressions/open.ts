import { and, eq, sql } from 'drizzle-orm';
import { identityText } from '../../domain/identity.ts';
import { newId } from '../../domain/ids.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { copyInto, type Field } from '../copy.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { readRequestRow } from '../requests/row.ts';
import { suppressions } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { transaction } from '../transaction.ts';
import { readSuppressedIdentities } from './place.ts';
import { unsuppressed } from './settle.ts';

/** Bounds the digests in memory, and the identities that a system places at once. */
const SUBJECTS_PER_SUPPRESSION = 2_000;

/**
 * Starts suppressions of the subjects that a request has deleted, or that no system holds (rule 23): stores the digests
 * by which a look-up finds them. They are pending until every system has them. Idempotent.
 */
export async function openSuppressions(
  database: Database,
  keys: DigestKeys,
  input: { readonly requestId: string; readonly at: Date },
): Promise<void> {
  while ((await transaction(database, (tx) => openSuppression(tx, keys, input))) === SUBJECTS_PER_SUPPRESSION);
}

/** Returns the number of subjects. */
async function openSuppression(
  tx: Transaction,
  keys: DigestKeys,
  { requestId, at }: { readonly requestId: string; readonly at: Date },
): Promise<number> {
  await tx.select({ id: requests.id }).from(requests).where(eq(requests.id, requestId)).for('update');
  const request = await readRequestRow(tx, requestId);
  if (!request.suppress || request.concludedAt !== null) return 0;
  const { project, subjectKind: kind } = request;
  const id = newId('suppression', at.getTime());
  const { count } = await tx
    .update(subjects)
    .set({ suppressionId: id })
    .where(
      and(
        eq(subjects.requestId, requestId),
        sql`${subjects.seq} IN (SELECT seq FROM (${unsuppressed(request, at)}) unsuppressed ORDER BY seq LIMIT ${SUBJECTS_PER_SUPPRESSION})`,
      ),
    );
  if (count === 0) return 0;
  // Members lift and look up the canonical form, so another digest would stay active after the last lift.
  const suppressed = new Map(
    (await readSuppressedIdentities(tx, { requestId, suppressionId: id }))
      .map(({ type, canonical }) => ({ type, value: canonical }))
      .map((identity) => [identityText(identity), identity]),
  );
  const identities = suppressed.size;
  await tx.insert(suppressions).values({ id, project, kind, requestId, identities, since: at });
  const digests = [...suppressed.values()].flatMap((identity) => digestsOf(keys, project, kind, identity));
  await copyInto(
    tx,
    'lethe.suppression_digests (suppression_id, project, kind, digest, key_id)',
    pageOf(digests.map(({ digest, keyId }) => [id, project, kind, digest, keyId])),
  );
  const detail = { suppression: id, subjects: count, identities };
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'suppression.opened', detail });
  return count;
}

async function* pageOf(rows: readonly Field[][]): AsyncIterable<readonly Field[][]> {
  yield rows;
}
