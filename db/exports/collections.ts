import { and, asc, eq, type SQL, sql } from 'drizzle-orm';
import type { Part, PartFacts } from '../../domain/archive.ts';
import type { CollectionKey } from '../../domain/ids.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import type { RequestRow } from '../requests/row.ts';
import { collectedTables, collections } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** The collection of one system. */
export type CollectionRow = Readonly<Awaited<ReturnType<typeof collectionsOf>>[number]>;

/** Creates a collection for each pinned system that can export, also for one that is no longer configured. */
export async function beginCollections(
  tx: Transaction,
  { id, epoch, systems }: RequestRow,
  withoutExport: readonly string[],
): Promise<void> {
  const names = Object.keys(systems ?? {}).filter((name) => !withoutExport.includes(name));
  await tx.execute(sql`
    INSERT INTO ${collections} (request_id, epoch, system)
    SELECT ${id}, ${epoch}, unnest(${textArray(names)}) ON CONFLICT DO NOTHING`);
}

/** Reads the collections of the request's current epoch. */
export const collectionsOf = async (queries: Queries, { id, epoch }: RequestRow) =>
  queries
    .select({
      system: collections.system,
      collected: sql<boolean>`${collections.state} = 'collected'`,
      rows: collections.rows,
      cutOffAt: collections.cutOffAt,
    })
    .from(collections)
    .where(and(eq(collections.requestId, id), eq(collections.epoch, epoch)))
    .orderBy(asc(collections.system));

/** Reads the progress of each system in the newest epoch with collections. Empty for deletions. */
export const readCollections = async (queries: Queries, requestId: string) =>
  queries
    .select({
      system: collections.system,
      epoch: collections.epoch,
      state: collections.state,
      rows: collections.rows,
      bytes: collections.bytes,
    })
    .from(collections)
    .where(
      and(
        eq(collections.requestId, requestId),
        sql`${collections.epoch} = (SELECT max(epoch) FROM ${collections} WHERE request_id = ${requestId})`,
      ),
    )
    .orderBy(asc(collections.system));

/** Counts the subjects to export. Null if the system is collected, or if the export's epoch has changed. */
export async function readSelected(queries: Queries, { requestId, system, epoch }: CollectionKey) {
  const [row] = await queries
    .select({ size: sql<number>`count(*)`, lastSeq: sql<number>`coalesce(max(${subjects.seq}), 0)` })
    .from(subjects)
    .where(
      and(
        eq(subjects.requestId, requestId),
        eq(subjects.state, 'selected'),
        collectionPending({ requestId, system, epoch }),
      ),
    );
  return row === undefined || row.size === 0 ? null : row;
}

/** Stores the progress of the current attempt. The next attempt starts again at 0. */
export async function updateCollectionProgress(
  database: Database,
  key: CollectionKey,
  { rows, bytes }: { readonly rows: number; readonly bytes: number },
): Promise<void> {
  await database
    .update(collections)
    .set({ rows, bytes })
    .where(and(matchesKey(key), eq(collections.state, 'pending')));
}

/**
 * Stores all tables of a system from one attempt. Changes nothing if the system is collected or the epoch has changed.
 */
export async function storeCollection(
  database: Database,
  key: CollectionKey,
  { cutOffAt, parts }: { readonly cutOffAt: Date; readonly parts: readonly Omit<Part, 'system'>[] },
): Promise<void> {
  const { requestId, project, system, epoch } = key;
  const sum = (figure: (facts: PartFacts) => number) => parts.reduce((all, { facts }) => all + figure(facts), 0);
  await withProjectLock(database, project, async (tx) => {
    const collected = await tx
      .update(collections)
      .set({ state: 'collected', cutOffAt, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) })
      .where(and(matchesKey(key), collectionPending(key)));
    if (collected.count === 0) return;
    await tx.execute(sql`
      INSERT INTO ${collectedTables} (request_id, epoch, system, number, object, facts)
      SELECT ${requestId}, ${epoch}, ${system}, number, object, facts::json
      FROM unnest(${textArray(parts.map(({ object }) => object))}, ${textArray(parts.map(({ facts }) => JSON.stringify(facts)))})
           WITH ORDINALITY AS part (object, facts, number)`);
  });
}

/** Reads the tables that were collected in an epoch, by system, in the order of their export. */
export const readParts = async (
  queries: Queries,
  { id, epoch }: Pick<RequestRow, 'id' | 'epoch'>,
): Promise<readonly Part[]> =>
  queries
    .select({
      system: collectedTables.system,
      object: collectedTables.object,
      facts: collectedTables.facts,
    })
    .from(collectedTables)
    .where(and(eq(collectedTables.requestId, id), eq(collectedTables.epoch, epoch)))
    .orderBy(asc(collectedTables.system), asc(collectedTables.number));

const matchesKey = ({ requestId, system, epoch }: CollectionKey): SQL | undefined =>
  and(eq(collections.requestId, requestId), eq(collections.epoch, epoch), eq(collections.system, system));

/** Whether the export is open and in this epoch, and the system is not collected yet. */
const collectionPending = ({ requestId, system, epoch }: Omit<CollectionKey, 'project'>): SQL => sql`EXISTS (
  SELECT FROM ${requests} JOIN ${collections} pending ON pending.request_id = requests.id AND pending.epoch = requests.epoch
  WHERE requests.id = ${requestId} AND requests.epoch = ${epoch} AND concluded_at IS NULL
    AND pending.system = ${system} AND pending.state = 'pending')`;
