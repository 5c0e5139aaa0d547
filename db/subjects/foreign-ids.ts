import { and, between, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { SystemKey } from '../../domain/ids.ts';
import type { Database } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { foreignIds, subjects } from '../schema/subjects.ts';
import { transaction } from '../transaction.ts';

/** The number of subjects per page. */
const PAGE = 2_000;

type Key = Pick<SystemKey, 'requestId' | 'system'>;

/** Reads what was kept of the subjects that `condition` selects, in the order of `seq`. */
export async function* readForeignIds(
  database: Database,
  { requestId, system }: Key,
  chosen: { readonly firstSeq: number; readonly lastSeq: number; readonly condition: SQL | undefined },
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
          between(foreignIds.seq, from, Math.min(from + PAGE - 1, chosen.lastSeq)),
          chosen.condition,
        ),
      )
      .orderBy(foreignIds.seq, foreignIds.id);
    if (rows.length > 0) yield rows;
  }
}

/**
 * Replaces the ids of each subject in one system. Keeps none of a subject whose identities are purged, and none once the
 * request has ended. Idempotent.
 */
export async function keepForeignIds(
  database: Database,
  { requestId, system }: Key,
  found: readonly { readonly seq: number; readonly ids: readonly string[] }[],
): Promise<void> {
  if (found.length === 0) return;
  await transaction(database, async (tx) => {
    // Every purge locks or updates this row, so that none is between the check and the insertion.
    const open = await tx
      .select({ id: requests.id })
      .from(requests)
      .where(and(eq(requests.id, requestId), isNull(requests.concludedAt)))
      .for('share');
    if (open.length === 0) return;
    const given = sql`jsonb_to_recordset(${sql.param(found)}::jsonb) AS given (seq integer, ids text[])`;
    await tx.execute(sql`
      DELETE FROM ${foreignIds} WHERE request_id = ${requestId} AND system = ${system} AND seq IN (SELECT seq FROM ${given})`);
    await tx.execute(sql`
      INSERT INTO ${foreignIds} (request_id, system, seq, id)
      SELECT ${requestId}, ${system}, given.seq, id FROM ${given}, unnest(given.ids) AS id
      WHERE EXISTS (SELECT FROM ${subjects} WHERE request_id = ${requestId} AND subjects.seq = given.seq AND purge_generation IS NULL)
      ON CONFLICT DO NOTHING`);
  });
}
