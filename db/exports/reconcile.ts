import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import { earliest } from '../../domain/calendar.ts';
import type { ExportState } from '../../domain/request-state.ts';
import { exportedSince } from '../../domain/policy.ts';
import type { Status, Step } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { settleMissingSystems } from '../attention/missing-systems.ts';
import type { Configured } from '../deletion/reconcile.ts';
import { readAttention } from '../attention/raise.ts';
import { describeWaits } from '../attention/waits.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { readByWorkflow } from '../operations/outbox.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { destroyKey } from './archive.ts';
import { beginCollections, type CollectionRow, collectionsOf } from './collections.ts';

/** Updates the export's rows, stores the wake version as seen, and returns the state by which its workflow decides. */
export async function reconcileExport(
  database: Database,
  input: {
    readonly requestId: string;
    readonly asOf: Date;
    /** Configured systems that cannot export. The manifest lists them, and the export does not wait for them. */
    readonly withoutExport: readonly string[];
  } & Configured,
): Promise<ExportState> {
  const { requestId, asOf, withoutExport, configured, directory } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    const missing = await settleMissingSystems(tx, request, configured, asOf);
    const counts = await countSubjects(tx, requestId);
    const collections = await startCollections(tx, request, counts, withoutExport);
    const selected = (await settleEmptyExport(tx, request, collections, asOf)) ? 0 : counts.selected;
    const hasEnded = hasNoSubjectLeft(request, selected);
    // There will be no archive. Without the key, objects that are already stored cannot be read.
    if (hasEnded) await destroyKey(tx, requestId);
    const status = hasEnded ? request.status : statusOf(request, counts.unresolved, collections);
    await tx
      .update(requests)
      .set({ status, directory, ...readByWorkflow(request.wakeVersion, asOf) })
      .where(eq(requests.id, requestId));
    if (status !== request.status) await enqueueNotifications(tx, requestId, asOf);
    const attention = await attentionOf(tx, requestId, asOf, directory);
    const expiresAt = status === 'ready' ? await expiryOf(tx, requestId) : null;
    const uncollected = hasEnded ? [] : collections.filter(({ collected }) => !collected).map(({ system }) => system);
    const concluded = request.concludedAt !== null;
    return {
      status,
      concluded,
      directory,
      ...(missing.length > 0 ? { missingSystems: missing } : {}),
      needsResolution: request.resolvedAt === null && request.cancelledAt === null && !attention.blocksResolution,
      // Without the answer of every system, no identity is known to be nowhere.
      unresolved: attention.blocksSearch || missing.length > 0 ? 0 : counts.unresolved,
      subjects: counts.subjects,
      epoch: request.epoch,
      uncollected,
      systemsToCollect: uncollected.filter((name) => !attention.blocksCollecting.has(name)),
      canPackage: status === 'packaging' && !hasEnded && !attention.blocksPackaging,
      isExpired: expiresAt !== null && expiresAt <= asOf,
      canConclude: !concluded && (hasEnded || status === 'expired') && !attention.blocksConclusion,
      attention: attention.rows,
      ...(await describeWaits(tx, requestId)),
      retryAt: attention.retryAt?.getTime() ?? null,
      expiresAt: expiresAt?.getTime() ?? null,
      nextDueAt:
        earliest([attention.retryAt, expiresAt !== null && expiresAt > asOf ? expiresAt : null])?.getTime() ?? null,
      requestsToSignal: await deletionToSignal(tx, request),
    };
  });
}

async function countSubjects(tx: Transaction, requestId: string) {
  const [row] = await tx
    .select({
      subjects: sql<number>`count(*)`,
      selected: sql<number>`count(*) FILTER (WHERE state = 'selected')`,
      unresolved: sql<number>`count(*) FILTER (WHERE state = 'selected' AND NOT known AND present IS NOT TRUE)`,
    })
    .from(subjects)
    .where(eq(subjects.requestId, requestId));
  return row ?? { subjects: 0, selected: 0, unresolved: 0 };
}

/** Creates the collections of the epoch once all subjects are resolved. Returns them. */
async function startCollections(
  tx: Transaction,
  request: RequestRow,
  { selected, unresolved }: Awaited<ReturnType<typeof countSubjects>>,
  withoutExport: readonly string[],
): Promise<readonly CollectionRow[]> {
  if (request.resolvedAt === null || selected === 0 || unresolved > 0) return [];
  await beginCollections(tx, request, withoutExport);
  return collectionsOf(tx, request);
}

/**
 * Marks all subjects as `not_found` if every system was collected completely and has no row. Returns whether it did.
 * False if a window or scope leaves rows out, or if a system cannot export, because that system may hold data.
 */
async function settleEmptyExport(
  tx: Transaction,
  request: RequestRow,
  collections: readonly CollectionRow[],
  at: Date,
): Promise<boolean> {
  const { id: requestId, project, systems, scope } = request;
  const isUnlimited = scope === 'data' && exportWindow(request) === null;
  const includesAllSystems = collections.length > 0 && collections.length === Object.keys(systems ?? {}).length;
  if (!isUnlimited || !includesAllSystems || collections.some(({ collected, rows }) => !collected || rows > 0))
    return false;
  const { count } = await tx
    .update(subjects)
    .set({ state: 'not_found' })
    .where(and(eq(subjects.requestId, requestId), eq(subjects.state, 'selected')));
  const action = 'subjects.not_found';
  if (count > 0) await recordAudit(tx, { at, project, requestId, actor: LETHE, action, detail: { count } });
  return true;
}

/** The start of the export's window. Null for all rows, as in every backup. */
export const exportWindow = ({ regulation, receivedAt, backupOf }: RequestRow): Date | null =>
  backupOf === null ? exportedSince(regulation, receivedAt) : null;

/** Whether no subject is left to export, and the archive was never ready. */
const hasNoSubjectLeft = ({ status, resolvedAt, cancelledAt, concludedAt }: RequestRow, selected: number): boolean =>
  concludedAt === null &&
  (resolvedAt !== null || cancelledAt !== null) &&
  selected === 0 &&
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

async function attentionOf(tx: Transaction, requestId: string, asOf: Date, directory: string) {
  const { rows, blocking } = await readAttention(tx, requestId, asOf);
  const blocks = (...steps: Step[]) => blocking.filter(({ step }) => steps.includes(step));
  return {
    rows: rows.map(({ system, code }) => ({ system, code })),
    blocksCollecting: new Set(blocks('collect', 'inspect').map(({ system }) => system)),
    blocksSearch: blocks('resolve').length > 0,
    blocksResolution: blocks('resolve').some(({ system }) => system === directory),
    blocksPackaging: blocks('package', 'conclude').length > 0,
    blocksConclusion: blocks('conclude').length > 0,
    retryAt: earliest(blocking.map(({ retryAt }) => retryAt)),
  };
}

async function expiryOf(tx: Transaction, requestId: string): Promise<Date | null> {
  const [row] = await tx
    .select({ expiresAt: archives.expiresAt })
    .from(archives)
    .where(eq(archives.requestId, requestId));
  return row?.expiresAt ?? null;
}

/** The deletion of a backup, if its workflow has not read the latest change. The export's workflow then signals it. */
async function deletionToSignal(tx: Transaction, { backupOf }: RequestRow): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const rows = await tx
    .select({ id: requests.id })
    .from(requests)
    .where(and(eq(requests.id, backupOf), isNull(requests.concludedAt), lt(requests.wakeSeen, requests.wakeVersion)));
  return rows.map(({ id }) => id);
}
