import type { FinishedRange } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/step-keys.ts';
import type { Database } from '../client.ts';

/** Idempotent: the processor's own log decided, and the receipt is the sum of these rows (rule 13). */
export async function recordRange(
  database: Database,
  key: BatchKey,
  pass: number,
  range: FinishedRange,
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
