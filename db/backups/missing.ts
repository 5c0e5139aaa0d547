import { LETHE } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { raiseAttention } from '../attention/raise.ts';

/** A person's word ended the archive, or its making, that this deletion waits for: no other is made before another word. */
export const backupMissing = (
  tx: Transaction,
  deletion: { readonly project: string; readonly requestId: string },
  at: Date,
): Promise<void> =>
  raiseAttention(
    tx,
    { ...deletion, processor: LETHE, step: 'backup', batch: 0 },
    { code: 'backup_missing', at, retryAt: null },
  );
