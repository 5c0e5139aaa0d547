import { earliest } from '../../domain/calendar.ts';
import type { ExportState } from '../../domain/request-state.ts';
import type { Status, Step } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readAttention } from '../attention/raise.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { destroyKey } from './archive.ts';
import { beginCollections, type CollectionRow, collectionsOf } from './collections.ts';
import { isEmptyExport } from './nothing.ts';

/** Brings the export's rows up to date with what has happened, marks the wake as seen, and returns the state for the workflow. */
export async function reconcileExport(
  database: Database,
  input: {
    readonly requestId: string;
    readonly asOf: Date;
    /** Configured processors that cannot export: the archive names them, and the export does not wait for them. */
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
    await tx`UPDATE lethe.requests SET status = ${status}, wake_seen = greatest(wake_seen, ${request.wakeVersion}), attended_at = ${asOf}
      WHERE id = ${requestId}`;
    if (status !== request.status) await enqueueNotifications(tx, requestId, asOf);
    const attention = await attentionOf(tx, requestId, asOf);
    const expiresAt = status === 'ready' ? await expiryOf(tx, requestId) : null;
    const uncollected = over ? [] : collections.filter(({ collected }) => !collected).map(({ processor }) => processor);
    const concluded = request.concludedAt !== null;
    return {
      status,
      concluded,
      needsResolution: request.resolvedAt === null && request.cancelledAt === null,
      unresolved: counted.unresolved,
      subjects: counted.subjects,
      epoch: request.epoch,
      uncollected,
      processorsToCollect: uncollected.filter((name) => !attention.blocksCollecting.has(name)),
      canPackage: status === 'packaging' && !over && !attention.blocksPackaging,
      isExpired: expiresAt !== null && expiresAt <= asOf,
      canConclude: !concluded && (over || status === 'expired') && !attention.blocksConclusion,
      attention: attention.rows,
      nextDueAt:
        earliest([attention.retryAt, expiresAt !== null && expiresAt > asOf ? expiresAt : null])?.getTime() ?? null,
      requestsToSignal: await unseenDeletion(tx, request),
    };
  });
}

interface Counted {
  readonly subjects: number;
  readonly wanted: number;
  readonly unresolved: number;
}

async function countSubjects(tx: Transaction, requestId: string): Promise<Counted> {
  const [row] = await tx<Counted[]>`
    SELECT count(*) AS subjects, count(*) FILTER (WHERE state = 'wanted') AS wanted,
           count(*) FILTER (WHERE state = 'wanted' AND NOT known AND present IS NOT TRUE) AS unresolved
    FROM lethe.subjects WHERE request_id = ${requestId}`;
  return row ?? { subjects: 0, wanted: 0, unresolved: 0 };
}

/** Begins the collections of the current epoch once the subjects are resolved; each change of the subjects raises it (rule 17). */
async function settleCollections(
  tx: Transaction,
  request: RequestRow,
  { wanted, unresolved }: Counted,
  withoutExport: readonly string[],
): Promise<readonly CollectionRow[]> {
  if (request.resolvedAt === null || wanted === 0 || unresolved > 0) return [];
  await beginCollections(tx, request, withoutExport);
  return collectionsOf(tx, request);
}

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
    rows: rows.map(({ processor, code }) => ({ processor, code })),
    blocksCollecting: new Set(blocks('collect', 'inspect').map(({ processor }) => processor)),
    blocksPackaging: blocks('package', 'conclude').length > 0,
    blocksConclusion: blocks('conclude').length > 0,
    retryAt: earliest(later.map(({ retryAt }) => retryAt)),
  };
}

async function expiryOf(tx: Transaction, requestId: string): Promise<Date | null> {
  const [row] = await tx<{ expiresAt: Date }[]>`SELECT expires_at FROM lethe.archives WHERE request_id = ${requestId}`;
  return row?.expiresAt ?? null;
}

/** Every change of a backup raises its deletion's wake; the export's workflow passes it on if it reads the rows first. */
async function unseenDeletion(tx: Transaction, { backupOf }: RequestRow): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM lethe.requests WHERE id = ${backupOf} AND concluded_at IS NULL AND wake_seen < wake_version`;
  return rows.map(({ id }) => id);
}
