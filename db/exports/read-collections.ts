import type { Queries } from '../client.ts';

/** How far one processor is collected; `rows` and `bytes` grow while it is pending. */
export interface CollectionProgress {
  readonly processor: string;
  readonly epoch: number;
  readonly state: 'pending' | 'collected';
  readonly rows: number;
  readonly bytes: number;
}

/** Of the newest epoch that was begun; none of a deletion. */
export const readCollections = (queries: Queries, requestId: string): Promise<readonly CollectionProgress[]> => queries<
  CollectionProgress[]
>`
  SELECT processor, epoch, state, rows, bytes FROM lethe.collections
  WHERE request_id = ${requestId} AND epoch = (SELECT max(epoch) FROM lethe.collections WHERE request_id = ${requestId})
  ORDER BY processor`;
