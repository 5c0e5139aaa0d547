import { and, eq, sql } from 'drizzle-orm';
import type { FinishedRange, RangeKey, RangeTicket } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';
import type { Database } from '../client.ts';
import { anonymisedRows, batchWork, rangeTickets, retainedRows, systemRanges } from '../schema/work.ts';
import { transaction } from '../transaction.ts';
import { DELETING, ofBatch } from './batches.ts';

/**
 * Records a finished range, adds the retained and anonymised rows of each subject, and deletes the tickets of the range, in
 * one statement. Idempotent: a range that is recorded already adds nothing (rule 13).
 */
export async function recordRange(
  database: Database,
  key: BatchKey,
  pass: number,
  range: FinishedRange,
): Promise<void> {
  const { requestId, batch, system } = key;
  await database.execute(sql`
    WITH stored AS (
      INSERT INTO ${systemRanges} (request_id, batch, system, pass, first_seq, last_seq, part, tables)
      VALUES (${requestId}, ${batch}, ${system}, ${pass}, ${range.firstSeq}, ${range.lastSeq}, ${range.part},
              ${sql.param(range.tables, systemRanges.tables)})
      ON CONFLICT DO NOTHING RETURNING request_id),
    collected AS (DELETE FROM ${rangeTickets} WHERE ${ofRange(key, pass, range)}),
    retained AS (
      INSERT INTO ${retainedRows} AS kept (request_id, seq, basis, rows)
      SELECT request_id, seq, basis, sum(counted.rows)
      FROM stored, jsonb_to_recordset(${sql.param(range.retained)}::jsonb) AS counted (seq integer, basis text, rows bigint)
      GROUP BY request_id, seq, basis ORDER BY seq, basis
      ON CONFLICT (request_id, seq, basis) DO UPDATE SET rows = kept.rows + excluded.rows)
    INSERT INTO ${anonymisedRows} AS kept (request_id, seq, rows, columns)
    SELECT request_id, seq, sum(counted.rows) FILTER (WHERE place = 1), array_agg(DISTINCT name)
    FROM stored, jsonb_to_recordset(${sql.param(range.anonymised ?? [])}::jsonb) AS counted (seq integer, rows bigint, columns text[]),
         unnest(counted.columns) WITH ORDINALITY AS replaced (name, place)
    GROUP BY request_id, seq ORDER BY seq
    ON CONFLICT (request_id, seq) DO UPDATE
      SET rows = kept.rows + excluded.rows, columns = ARRAY(SELECT DISTINCT unnest(kept.columns || excluded.columns))`);
}

/** What earlier attempts of a pass have done of a batch in a system. */
export interface RangeLog {
  isFinished(range: RangeKey): boolean;
  readonly tickets: readonly RangeTicket[];
}

/** Reads the log of a pass, at the start of an attempt. Only that attempt adds to it. */
export async function readRangeLog(database: Database, key: BatchKey, pass: number): Promise<RangeLog> {
  const { firstSeq, lastSeq, part } = systemRanges;
  const finished = await database
    .select({ firstSeq, lastSeq, part })
    .from(systemRanges)
    .where(
      and(
        eq(systemRanges.requestId, key.requestId),
        eq(systemRanges.batch, key.batch),
        eq(systemRanges.system, key.system),
        eq(systemRanges.pass, pass),
      ),
    );
  const names = new Set(finished.map(nameOf));
  const kept = await database
    .select()
    .from(rangeTickets)
    .where(ofPass(key, pass))
    .orderBy(rangeTickets.keptAt, rangeTickets.firstSeq, rangeTickets.part, rangeTickets.ticket);
  return {
    isFinished: (range) => names.has(nameOf(range)),
    tickets: kept.map(({ ticket, keptAt, ...row }) => ({
      range: { firstSeq: row.firstSeq, lastSeq: row.lastSeq, part: row.part },
      ticket,
      keptAt,
    })),
  };
}

const nameOf = ({ firstSeq, lastSeq, part }: RangeKey): string => `${firstSeq} ${lastSeq} ${part}`;

/** Stores a ticket of a range, unless the deletion of the batch has ended. Idempotent. */
export async function keepTicket(
  database: Database,
  key: BatchKey,
  kept: RangeTicket & { readonly pass: number },
): Promise<void> {
  const { requestId, batch, system } = key;
  const { pass, range, ticket, keptAt } = kept;
  const { firstSeq, lastSeq, part } = range;
  await transaction(database, async (tx) => {
    // The batch is purged only after its work has ended, which waits for this lock.
    const [work] = await tx.select({ state: batchWork.state }).from(batchWork).where(ofBatch(key)).for('share');
    if (work === undefined || !DELETING.includes(work.state)) return;
    await tx
      .insert(rangeTickets)
      .values({ requestId, batch, system, pass, firstSeq, lastSeq, part, ticket, keptAt })
      .onConflictDoNothing();
  });
}

const ofPass = ({ requestId, batch, system }: BatchKey, pass: number) =>
  and(
    eq(rangeTickets.requestId, requestId),
    eq(rangeTickets.batch, batch),
    eq(rangeTickets.system, system),
    eq(rangeTickets.pass, pass),
  );

const ofRange = (key: BatchKey, pass: number, { firstSeq, lastSeq, part }: RangeKey) =>
  and(
    ofPass(key, pass),
    eq(rangeTickets.firstSeq, firstSeq),
    eq(rangeTickets.lastSeq, lastSeq),
    eq(rangeTickets.part, part),
  );
