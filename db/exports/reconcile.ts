import { earliest } from '../../domain/calendar.ts';
import type { ExportView } from '../../domain/request-state.ts';
import type { Status, Step } from '../../domain/vocabulary.ts';
import { announce } from '../notifications/enqueue.ts';
import type { Database, Transaction } from '../client.ts';
import { underProjectLock } from '../project-lock.ts';
import { readAttention } from '../attention/read.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { destroyKey } from './archive.ts';
import { beginCollections, type CollectionRow, collectionsOf } from './collections.ts';
import { holdsNothing } from './nothing.ts';

/** Brings the export up to what has happened, notes the wake as seen, and tells what is next. */
export async function lookAtExport(
  database: Database,
  input: {
    readonly requestId: string;
    readonly asOf: Date;
    /** Processors that are configured and cannot export: they are named in the archive, and not waited for. */
    readonly handOutNothing: readonly string[];
  },
): Promise<ExportView> {
  const { requestId, asOf, handOutNothing } = input;
  const { project } = await readRequestRow(database, requestId);
  return underProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    const counted = await countSubjects(tx, requestId);
    const collections = await settleCollections(tx, request, counted, handOutNothing);
    const wanted = (await holdsNothing(tx, request, collections, asOf)) ? 0 : counted.wanted;
    const over = isOver(request, wanted);
    // Nothing of it will be handed out: what lies in the storage already is noise from now on.
    if (over) await destroyKey(tx, requestId);
    const status = over ? request.status : statusOf(request, counted.unknown, collections);
    await tx`UPDATE lethe.requests SET status = ${status}, wake_seen = greatest(wake_seen, ${request.wakeVersion}), attended_at = ${asOf}
      WHERE id = ${requestId}`;
    if (status !== request.status) await announce(tx, requestId, asOf);
    const attention = await attentionOf(tx, requestId, asOf);
    const expiresAt = status === 'ready' ? await expiryOf(tx, requestId) : null;
    const pending = over ? [] : collections.filter(({ collected }) => !collected).map(({ processor }) => processor);
    const ended = request.concludedAt !== null;
    return {
      status,
      ended,
      resolved: request.resolvedAt !== null,
      cancelled: request.cancelledAt !== null,
      unknown: counted.unknown,
      subjects: counted.subjects,
      epoch: request.epoch,
      pending,
      collect: pending.filter((name) => !attention.blocksCollecting.has(name)),
      packageable: status === 'packaging' && !over && !attention.blocksPackaging,
      expired: expiresAt !== null && expiresAt <= asOf,
      concludable: !ended && (over || status === 'expired') && !attention.blocksConclusion,
      attention: attention.rows,
      nextAt:
        earliest([attention.retryAt, expiresAt !== null && expiresAt > asOf ? expiresAt : null])?.getTime() ?? null,
      wake: await unseenDeletion(tx, request),
    };
  });
}

interface Counted {
  readonly subjects: number;
  readonly wanted: number;
  readonly unknown: number;
}

async function countSubjects(tx: Transaction, requestId: string): Promise<Counted> {
  const [row] = await tx<Counted[]>`
    SELECT count(*) AS subjects, count(*) FILTER (WHERE state = 'wanted') AS wanted,
           count(*) FILTER (WHERE state = 'wanted' AND NOT known AND present IS NOT TRUE) AS unknown
    FROM lethe.subjects WHERE request_id = ${requestId}`;
  return row ?? { subjects: 0, wanted: 0, unknown: 0 };
}

/** An epoch begins once it is known who is wanted, and again whenever that has changed (rule 17). */
async function settleCollections(
  tx: Transaction,
  request: RequestRow,
  { wanted, unknown }: Counted,
  handOutNothing: readonly string[],
): Promise<readonly CollectionRow[]> {
  if (request.resolvedAt === null || wanted === 0 || unknown > 0) return [];
  await beginCollections(tx, request, handOutNothing);
  return collectionsOf(tx, request);
}

/** Nobody is wanted (any more), and nobody ever was given anything. */
const isOver = ({ status, resolvedAt, cancelledAt, concludedAt }: RequestRow, wanted: number): boolean =>
  concludedAt === null &&
  (resolvedAt !== null || cancelledAt !== null) &&
  wanted === 0 &&
  status !== 'ready' &&
  status !== 'expired';

function statusOf({ status, resolvedAt }: RequestRow, unknown: number, collections: readonly CollectionRow[]): Status {
  if (resolvedAt === null || !['resolving', 'collecting', 'packaging'].includes(status)) return status;
  if (unknown > 0) return 'resolving';
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

/** Whatever happens to a backup raises its deletion's wake; who then looks here first passes it on. */
async function unseenDeletion(tx: Transaction, { backupOf }: RequestRow): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM lethe.requests WHERE id = ${backupOf} AND concluded_at IS NULL AND wake_seen < wake_version`;
  return rows.map(({ id }) => id);
}
