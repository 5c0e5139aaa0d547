import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import { earliest } from '../../domain/calendar.ts';
import type { ExportState } from '../../domain/request-state.ts';
import { exportedSince } from '../../domain/policy.ts';
import type { Status, Step } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readAttention } from '../attention/raise.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { destroyKey } from './archive.ts';
import { beginCollections, type CollectionRow, collectionsOf } from './collections.ts';

/** Brings the export's rows up to date, marks the wake as seen, and returns the state that its workflow decides by. */
export async function reconcileExport(
  database: Database,
  input: {
    readonly requestId: string;
    readonly asOf: Date;
    /** Configured systems that cannot export: the archive names them, and the export does not wait for them. */
    readonly withoutExport: readonly string[];
  },
): Promise<ExportState> {
  const { requestId, asOf, withoutExport } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    const counted = await countSubjects(tx, requestId);
    const collections = await settleCollections(tx, request, counted, withoutExport);
    const wanted = (await isEmptyExport(tx, request, collections, asOf)) ? 0 : counted.wanted;
    const over = isOver(request, wanted);
    // No archive will be handed out: without its key, what is in the storage already cannot be read.
    if (over) await destroyKey(tx, requestId);
    const status = over ? request.status : statusOf(request, counted.unresolved, collections);
    await tx
      .update(requests)
      .set({ status, wakeSeen: sql`greatest(${requests.wakeSeen}, ${request.wakeVersion})`, attendedAt: asOf })
      .where(eq(requests.id, requestId));
    if (status !== request.status) await enqueueNotifications(tx, requestId, asOf);
    const attention = await attentionOf(tx, requestId, asOf);
    const expiresAt = status === 'ready' ? await expiryOf(tx, requestId) : null;
    const uncollected = over ? [] : collections.filter(({ collected }) => !collected).map(({ system }) => system);
    const concluded = request.concludedAt !== null;
    return {
      status,
      concluded,
      needsResolution: request.resolvedAt === null && request.cancelledAt === null,
      unresolved: counted.unresolved,
      subjects: counted.subjects,
      epoch: request.epoch,
      uncollected,
      systemsToCollect: uncollected.filter((name) => !attention.blocksCollecting.has(name)),
      canPackage: status === 'packaging' && !over && !attention.blocksPackaging,
      isExpired: expiresAt !== null && expiresAt <= asOf,
      canConclude: !concluded && (over || status === 'expired') && !attention.blocksConclusion,
      attention: attention.rows,
      retryAt: attention.retryAt?.getTime() ?? null,
      expiresAt: expiresAt?.getTime() ?? null,
      nextDueAt:
        earliest([attention.retryAt, expiresAt !== null && expiresAt > asOf ? expiresAt : null])?.getTime() ?? null,
      requestsToSignal: await unseenDeletion(tx, request),
    };
  });
}

async function countSubjects(tx: Transaction, requestId: string) {
  const [row] = await tx
    .select({
      subjects: sql<number>`count(*)`,
      wanted: sql<number>`count(*) FILTER (WHERE state = 'selected')`,
      unresolved: sql<number>`count(*) FILTER (WHERE state = 'selected' AND NOT known AND present IS NOT TRUE)`,
    })
    .from(subjects)
    .where(eq(subjects.requestId, requestId));
  return row ?? { subjects: 0, wanted: 0, unresolved: 0 };
}

/** Begins the collections of the epoch once the subjects are resolved; each change of them raises the epoch (rule 17). */
async function settleCollections(
  tx: Transaction,
  request: RequestRow,
  { wanted, unresolved }: Awaited<ReturnType<typeof countSubjects>>,
  withoutExport: readonly string[],
): Promise<readonly CollectionRow[]> {
  if (request.resolvedAt === null || wanted === 0 || unresolved > 0) return [];
  await beginCollections(tx, request, withoutExport);
  return collectionsOf(tx, request);
}

/**
 * Whether all systems were asked for everything and none has a row: then nothing is packaged, and the answer is
 * `not_found`. Not if a window or a scope left something out, or if a system cannot export: unknown is not zero.
 */
async function isEmptyExport(
  tx: Transaction,
  request: RequestRow,
  collections: readonly CollectionRow[],
  at: Date,
): Promise<boolean> {
  const { id: requestId, project, systems, scope } = request;
  const whole = scope === 'data' && exportWindow(request) === null;
  const asked = collections.length > 0 && collections.length === Object.keys(systems ?? {}).length;
  if (!whole || !asked || collections.some(({ collected, rows }) => !collected || rows > 0)) return false;
  const { count } = await tx
    .update(subjects)
    .set({ state: 'not_found' })
    .where(and(eq(subjects.requestId, requestId), eq(subjects.state, 'selected')));
  const action = 'subjects.not_found';
  if (count > 0) await recordAudit(tx, { at, project, requestId, actor: LETHE, action, detail: { count } });
  return true;
}

/** The start of the period that the archive covers. Null: all rows, as always before a deletion. */
export const exportWindow = ({ regulation, receivedAt, backupOf }: RequestRow): Date | null =>
  backupOf === null ? exportedSince(regulation, receivedAt) : null;

/** No subject is left to export, and the archive was never ready. */
const isOver = ({ status, resolvedAt, cancelledAt, concludedAt }: RequestRow, wanted: number): boolean =>
  concludedAt === null &&
  (resolvedAt !== null || cancelledAt !== null) &&
  wanted === 0 &&
  status !== 'ready' &&
  status !== 'expired';

function statusOf(
  { status, resolvedAt }: RequestRow,
  unresolved: number,
  collections: readonly CollectionRow[],
): Status {
  if (resolvedAt === null || !['resolving', 'collecting', 'packaging'].includes(status)) return status;
  if (unresolved > 0) return 'resolving';
  return collections.every(({ collected }) => collected) ? 'packaging' : 'collecting';
}

async function attentionOf(tx: Transaction, requestId: string, asOf: Date) {
  const { rows, later } = await readAttention(tx, requestId, asOf);
  const blocks = (...steps: Step[]) => later.filter(({ step }) => steps.includes(step));
  return {
    rows: rows.map(({ system, code }) => ({ system, code })),
    blocksCollecting: new Set(blocks('collect', 'inspect').map(({ system }) => system)),
    blocksPackaging: blocks('package', 'conclude').length > 0,
    blocksConclusion: blocks('conclude').length > 0,
    retryAt: earliest(later.map(({ retryAt }) => retryAt)),
  };
}

async function expiryOf(tx: Transaction, requestId: string): Promise<Date | null> {
  const [row] = await tx
    .select({ expiresAt: archives.expiresAt })
    .from(archives)
    .where(eq(archives.requestId, requestId));
  return row?.expiresAt ?? null;
}

/** Every change of a backup raises its deletion's wake; the export's workflow passes it on if it reads the rows first. */
async function unseenDeletion(tx: Transaction, { backupOf }: RequestRow): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const rows = await tx
    .select({ id: requests.id })
    .from(requests)
    .where(and(eq(requests.id, backupOf), isNull(requests.concludedAt), lt(requests.wakeSeen, requests.wakeVersion)));
  return rows.map(({ id }) => id);
}
