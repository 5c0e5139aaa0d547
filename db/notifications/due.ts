import type { Channel } from '../../domain/notification.ts';
import type { RequestKind, Status } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';

/** A change that is still to be told; `at`: when it happened. */
export interface Delivery extends Channel {
  readonly id: string;
  readonly requestId: string;
  readonly kind: RequestKind;
  readonly status: Status;
  readonly at: Date;
  /** Those that were made, and failed. */
  readonly attempts: number;
}

/** In the order of happening. A webhook that is disabled or removed is told nothing. */
export const dueDeliveries = (
  queries: Queries,
  of: Channel & { readonly asOf: Date; readonly limit: number },
): Promise<readonly Delivery[]> => queries<Delivery[]>`
  SELECT id, project, channel, request_id, kind, status, at, attempts FROM lethe.deliveries
  WHERE ${pending(queries, of)} AND next_at <= ${of.asOf}
  ORDER BY seq LIMIT ${of.limit}`;

/** Null: nothing is to be told there. */
export async function nextDueAt(queries: Queries, of: Channel): Promise<Date | null> {
  const [row] = await queries<{ nextAt: Date | null }[]>`
    SELECT min(next_at) AS next_at FROM lethe.deliveries WHERE ${pending(queries, of)}`;
  return row?.nextAt ?? null;
}

const pending = (queries: Queries, { project, channel }: Channel) => queries`
  project = ${project} AND channel = ${channel} AND ended_at IS NULL AND ${listens(queries)}`;

/** Of a row of lethe.deliveries: somebody is there to be told. */
const listens = (queries: Queries) => queries`(channel = 'mail' OR EXISTS (
  SELECT FROM lethe.webhooks WHERE webhooks.id = channel AND disabled_at IS NULL AND removed_at IS NULL))`;

/** Where this request's changes have not been tried to be told yet. */
export const channelsToNotify = (queries: Queries, requestId: string): Promise<readonly Channel[]> => queries<
  Channel[]
>`
  SELECT DISTINCT project, channel FROM lethe.deliveries
  WHERE request_id = ${requestId} AND ended_at IS NULL AND attempts = 0`;

/** Where something has been due for so long that nobody can be at it. */
export const stalledChannels = (
  queries: Queries,
  { dueBefore, limit }: { readonly dueBefore: Date; readonly limit: number },
): Promise<readonly Channel[]> => queries<Channel[]>`
  SELECT project, channel FROM lethe.deliveries
  WHERE ended_at IS NULL AND next_at < ${dueBefore} AND ${listens(queries)}
  GROUP BY project, channel ORDER BY min(next_at) LIMIT ${limit}`;
