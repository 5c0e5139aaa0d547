import type { Database } from '../client.ts';
import type { BatchKey } from './batches.ts';

export interface RangeFigures {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly part: number;
  readonly tables: readonly {
    readonly table: string;
    readonly removed: number;
    readonly retained: number;
    readonly basis: string | null;
    readonly blanked?: number;
  }[];
  readonly retainedSeqs: readonly number[];
}

/** Told again after a crash it changes nothing: the processor's own log decided, and the receipt is the sum of these rows (rule 13). */
export async function rangeFinished(
  database: Database,
  key: BatchKey,
  pass: number,
  range: RangeFigures,
): Promise<void> {
  await database`
    WITH stored AS (
      INSERT INTO lethe.processor_ranges (request_id, batch, processor, pass, first_seq, last_seq, part, tables)
      VALUES (${key.requestId}, ${key.batch}, ${key.processor}, ${pass}, ${range.firstSeq}, ${range.lastSeq}, ${range.part},
              ${database.json(range.tables.map((table) => ({ ...table })))})
      ON CONFLICT DO NOTHING)
    UPDATE lethe.subjects SET retained = true
    WHERE request_id = ${key.requestId} AND seq = ANY(${range.retainedSeqs as number[]}::integer[]) AND NOT retained`;
}
