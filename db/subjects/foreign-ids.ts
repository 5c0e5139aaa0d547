import { and, between, eq, isNull, ne, sql } from 'drizzle-orm';
import type { SystemKey } from '../../domain/ids.ts';
import type { Database } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { foreignIds, subjects } from '../schema/subjects.ts';
import { transaction } from '../transaction.ts';
import type { Selected } from './selected.ts';

/** The number of subjects per page. */
const PAGE = 2_000;

/** A batch of one system, by the name under which connectors know it. */
export interface ForeignIdsKey extends Pick<SystemKey, 'requestId' | 'system'> {
  readonly batch: string;
}

/** Reads what was kept of a batch, in the order of `seq`. `condition` selects the subjects that are still in it. */
export async function* readForeignIds(
  database: Database,
  { requestId, system, batch }: ForeignIdsKey,
  chosen: { readonly firstSeq: number; readonly lastSeq: number; readonly condition: Selected },
): AsyncIterable<readonly { readonly seq: number; readonly id: string }[]> {
  for (let from = chosen.firstSeq; from <= chosen.lastSeq; from += PAGE) {
    const rows = await database
      .select({ seq: foreignIds.seq, id: foreignIds.id })
      .from(foreignIds)
      .innerJoin(subjects, and(eq(subjects.requestId, foreignIds.requestId), eq(subjects.seq, foreignIds.seq)))
      .where(
        and(
          eq(foreignIds.requestId, requestId),
          eq(foreignIds.system, system),
          eq(foreignIds.batch, batch),
          between(foreignIds.seq, from, Math.min(from + PAGE - 1, chosen.lastSeq)),
          chosen.condition,
        ),
      )
      .orderBy(foreignIds.seq, foreignIds.id);
    if (rows.length > 0) yield rows;
  }
}

/** Replaces the ids of each subject of a batch. Keeps none of a subject whose identities are purged. Idempotent. */
export async function keepForeignIds(
  database: Database,
  { requestId, system, batch }: ForeignIdsKey,
  found: readonly { readonly seq: number; readonly ids: readonly string[] }[],
): Promise<void> {
  if (found.length === 0) return;
  await transaction(database, async (tx) => {
    // Every purge locks or updates this row, so that none is between the check and the insertion. A ready export is purged.
    const open = await tx
      .select({ id: requests.id })
      .from(requests)
      .where(and(eq(requests.id, requestId), isNull(requests.concludedAt), ne(requests.status, 'ready')))
      .for('share');
    if (open.length === 0) return;
    const given = sql`jsonb_to_recordset(${sql.param(found)}::jsonb) AS given (seq integer, ids text[])`;
    await tx.execute(sql`
      DELETE FROM ${foreignIds} WHERE request_id = ${requestId} AND system = ${system} AND batch = ${batch} AND seq IN (SELECT seq FROM ${given})`);
    await tx.execute(sql`
      INSERT INTO ${foreignIds} (request_id, system, batch, seq, id)
      SELECT ${requestId}, ${system}, ${batch}, given.seq, id FROM ${given}, unnest(given.ids) AS id
      WHERE EXISTS (SELECT FROM ${subjects} WHERE request_id = ${requestId} AND subjects.seq = given.seq AND purge_generation IS NULL)
      ON CONFLICT DO NOTHING`);
  });
}
