import type { AttentionCode, Step } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';

export interface OpenAttention {
  readonly processor: string;
  readonly code: AttentionCode;
  readonly step: Step;
  readonly retryAt: Date | null;
}

/** What an operator is needed for; `later`: of that, what is not tried again by itself before `asOf`, and stands in the way. */
export async function readAttention(
  tx: Transaction,
  requestId: string,
  asOf: Date,
): Promise<{ readonly rows: readonly OpenAttention[]; readonly later: readonly OpenAttention[] }> {
  const rows = await tx<OpenAttention[]>`
    SELECT processor, code, step, retry_at FROM lethe.attention WHERE request_id = ${requestId} ORDER BY processor, step, batch`;
  return { rows, later: rows.filter(({ retryAt }) => retryAt === null || retryAt > asOf) };
}
