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

export type CollectionRow = Readonly<Awaited<ReturnType<typeof collectionsOf>>[number]>;

/** One for each pinned system that can export. A system that is no longer configured keeps the export from being ready. */
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

/** Those of the request's current epoch. */
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

/** How far each system is collected, in the newest epoch that was begun. Empty for deletions. `rows` and `bytes` grow. */
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

/** How many subjects to export. Null: the system is collected already, or the export's subjects have changed since. */
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

/** How far an attempt is; written every few seconds, and reset by the next attempt. */
export async function updateCollectionProgress(
  database: Database,
  key: CollectionKey,
  { rows, bytes }: { readonly rows: number; readonly bytes: number },
): Promise<void> {
  await database
    .update(collections)
    .set({ rows, bytes })
    .where(and(isAt(key), eq(collections.state, 'pending')));
}

/** A system is collected as a whole or not at all: no archive contains some of its tables, or tables of two attempts. */
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
      .where(and(isAt(key), collectionPending(key)));
    if (collected.count === 0) return;
    await tx.execute(sql`
      INSERT INTO ${collectedTables} (request_id, epoch, system, number, object, facts)
      SELECT ${requestId}, ${epoch}, ${system}, number, object, facts::json
      FROM unnest(${textArray(parts.map(({ object }) => object))}, ${textArray(parts.map(({ facts }) => JSON.stringify(facts)))})
           WITH ORDINALITY AS part (object, facts, number)`);
  });
}

/** Everything that was collected in the request's epoch, each system's tables in the order of their export. */
export const readParts = async (queries: Queries, { id, epoch }: RequestRow): Promise<readonly Part[]> =>
  queries
    .select({
      system: collectedTables.system,
      object: collectedTables.object,
      facts: collectedTables.facts,
    })
    .from(collectedTables)
    .where(and(eq(collectedTables.requestId, id), eq(collectedTables.epoch, epoch)))
    .orderBy(asc(collectedTables.system), asc(collectedTables.number));

const isAt = ({ requestId, system, epoch }: CollectionKey): SQL | undefined =>
  and(eq(collections.requestId, requestId), eq(collections.epoch, epoch), eq(collections.system, system));

/** Whether the export is open and in this epoch, and the system is not collected yet. */
const collectionPending = ({ requestId, system, epoch }: Omit<CollectionKey, 'project'>): SQL => sql`EXISTS (
  SELECT FROM ${requests} JOIN ${collections} pending ON pending.request_id = requests.id AND pending.epoch = requests.epoch
  WHERE requests.id = ${requestId} AND requests.epoch = ${epoch} AND concluded_at IS NULL
    AND pending.system = ${system} AND pending.state = 'pending')`;
