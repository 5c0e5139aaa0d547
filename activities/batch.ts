import type { Batch } from '../connectors/connector.ts';
import type { BatchWork } from '../db/deletion/batches.ts';
import type { Database } from '../db/client.ts';
import { claimedIdentities } from '../db/subjects/identities.ts';

/** A claimed batch as connectors see it. */
export const claimedBatch = (database: Database, work: BatchWork): Batch => ({
  requestId: work.requestId,
  kind: work.kind,
  batch: `b${work.batch}`,
  firstSeq: work.firstSeq,
  lastSeq: work.lastSeq,
  size: work.size,
  identities: () => claimedIdentities(database, work.requestId, work.batch, work.firstSeq, work.lastSeq),
});
