import type { Part, PartFacts } from '../../domain/archive.ts';
import type { CollectionKey } from '../../domain/step-keys.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import type { RequestRow } from '../requests/row.ts';

export interface CollectionRow {
  readonly processor: string;
  readonly collected: boolean;
  readonly rows: number;
  readonly cutOffAt: Date | null;
}

/** Whatever was frozen and is not known to hand nothing out: one that is missing by now keeps the export from being ready. */
export async function beginCollections(
  tx: Transaction,
  { id, epoch, processors }: RequestRow,
  withoutExport: readonly string[],
): Promise<void> {
  const names = Object.keys(processors ?? {}).filter((name) => !withoutExport.includes(name));
  await tx`INSERT INTO lethe.collections (request_id, epoch, processor)
    SELECT ${id}, ${epoch}, unnest(${names}::text[]) ON CONFLICT DO NOTHING`;
}

/** Of the request's own epoch. */
export const collectionsOf = (queries: Queries, { id, epoch }: RequestRow): Promise<readonly CollectionRow[]> =>
  queries<CollectionRow[]>`
    SELECT processor, state = 'collected' AS collected, rows, cut_off_at FROM lethe.collections
    WHERE request_id = ${id} AND epoch = ${epoch} ORDER BY processor`;

/** Who is wanted, in how many numbers; null: it is collected already, or who belongs in it has changed since. */
export async function readWanted(
  queries: Queries,
  { requestId, processor, epoch }: CollectionKey,
): Promise<{ readonly size: number; readonly lastSeq: number } | null> {
  const [row] = await queries<{ size: number; lastSeq: number }[]>`
    SELECT count(*) AS size, coalesce(max(seq), 0) AS last_seq FROM lethe.subjects
    WHERE request_id = ${requestId} AND state = 'wanted' AND ${stillAsked(queries, { requestId, processor, epoch })}`;
  return row === undefined || row.size === 0 ? null : row;
}

/** How far an attempt is; told every few seconds, and begun anew by the next attempt. */
export async function updateCollectionProgress(
  database: Database,
  { requestId, processor, epoch }: CollectionKey,
  { rows, bytes }: { readonly rows: number; readonly bytes: number },
): Promise<void> {
  await database`UPDATE lethe.collections SET rows = ${rows}, bytes = ${bytes}
    WHERE request_id = ${requestId} AND epoch = ${epoch} AND processor = ${processor} AND state = 'pending'`;
}

/** A processor is collected as a whole or not at all: no archive is made of some of its tables, or of two attempts. */
export async function storeCollection(
  database: Database,
  key: CollectionKey,
  { cutOffAt, parts }: { readonly cutOffAt: Date; readonly parts: readonly Omit<Part, 'processor'>[] },
): Promise<void> {
  const { requestId, project, processor, epoch } = key;
  const sum = (figure: (facts: PartFacts) => number) => parts.reduce((all, { facts }) => all + figure(facts), 0);
  await withProjectLock(database, project, async (tx) => {
    const collected = await tx`
      UPDATE lethe.collections SET state = 'collected', cut_off_at = ${cutOffAt}, rows = ${sum((one) => one.rows)}, bytes = ${sum((one) => one.bytes)}
      WHERE request_id = ${requestId} AND epoch = ${epoch} AND processor = ${processor} AND ${stillAsked(tx, key)}`;
    if (collected.count === 0) return;
    await tx`
      INSERT INTO lethe.collected_tables (request_id, epoch, processor, number, object, facts)
      SELECT ${requestId}, ${epoch}, ${processor}, number, object, facts::json
      FROM unnest(${parts.map(({ object }) => object)}::text[], ${parts.map(({ facts }) => JSON.stringify(facts))}::text[])
           WITH ORDINALITY AS part (object, facts, number)`;
  });
}

/** Everything that was collected in the request's epoch, in the order in which it was handed out. */
export const readParts = (queries: Queries, { id, epoch }: RequestRow): Promise<readonly Part[]> => queries<Part[]>`
  SELECT processor, object, facts FROM lethe.collected_tables
  WHERE request_id = ${id} AND epoch = ${epoch} ORDER BY processor, number`;

const stillAsked = (
  queries: Queries,
  { requestId, processor, epoch }: Pick<CollectionKey, 'requestId' | 'processor' | 'epoch'>,
) => queries`EXISTS (
  SELECT FROM lethe.requests JOIN lethe.collections pending ON pending.request_id = requests.id AND pending.epoch = requests.epoch
  WHERE requests.id = ${requestId} AND requests.epoch = ${epoch} AND concluded_at IS NULL
    AND pending.processor = ${processor} AND pending.state = 'pending')`;
