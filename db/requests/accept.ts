import { type Accepted, acceptRequest, type NewRequest } from './create.ts';
import { acceptUnlessOwned } from './accept-unless-owned.ts';
import type { Database, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { acceptOnce, type Replayable } from './idempotency.ts';
import { transaction } from '../transaction.ts';

/** One statement, unless the call has a key by which it may come again, or the request must not meet another one. */
export async function accept(
  database: Database,
  keys: DigestKeys,
  request: NewRequest,
  call: Replayable | null,
): Promise<Accepted> {
  // A part-deletion shares no outcome and waits for nobody (rule 16): there is nothing to refuse.
  const rejects = request.onConflict === 'reject' && request.scope === 'data';
  const store = (tx: Transaction) => (rejects ? acceptUnlessOwned(tx, keys, request) : acceptRequest(tx, request));
  if (call !== null)
    return acceptOnce(database, keys, { ...call, memberId: request.submittedBy, at: request.receivedAt }, store);
  const accepted = rejects ? await transaction(database, store) : await acceptRequest(database, request);
  return { ...accepted, replayed: false };
}
