import { randomUUID } from 'node:crypto';
import { type ArchiveKeys, writePart } from '../../archives/part.ts';
import { type Batch, type ConnectorContext, ConnectorError, type ExportOptions } from '../../connectors/connector.ts';
import { readSelected, storeCollection, updateCollectionProgress } from '../../db/exports/collections.ts';
import { exportWindow } from '../../db/exports/reconcile.ts';
import { readForeignIds } from '../../db/subjects/foreign-ids.ts';
import { exportedIdentities } from '../../db/subjects/identities.ts';
import { IS_SELECTED } from '../../db/subjects/selected.ts';
import { readRequestRow, type RequestRow } from '../../db/requests/row.ts';
import type { PartFacts } from '../../domain/archive.ts';
import type { AsOf, CollectionKey } from '../../domain/ids.ts';
import type { ActivityDeps } from '../deps.ts';
import { createArchiveKeys } from './keys.ts';
import { attemptClock, requireCoverage, withAttention, withConnectorContext } from '../connector-context.ts';

/** How often an attempt writes its progress to the rows. */
const REPORT_EVERY_MS = 3_000;

/** Collects all data that one system holds on the selected subjects, at one point in time. */
export const collectActivities = (deps: ActivityDeps) => ({
  async collectData({ asOf, ...key }: CollectionKey & AsOf): Promise<void> {
    const { project, requestId, system } = key;
    await withAttention(deps, { project, requestId, system, step: 'collect', batch: 0 }, asOf, async () => {
      const selected = await readSelected(deps.database, key);
      if (selected === null) return;
      const archiveKeys = await createArchiveKeys(deps, key);
      if (archiveKeys === null) return;
      // A table without a mapping would be missing from the archive.
      await requireCoverage(deps, key);
      const request = await readRequestRow(deps.database, requestId);
      const batch = batchOf(deps, system, request, selected);
      await withConnectorContext(
        deps,
        key,
        (context) => collectAll(deps, key, { request, batch, archiveKeys }, context),
        { batch },
      );
    });
  },
});

/** The data that one attempt of a collection needs. */
interface CollectionTask {
  readonly request: RequestRow;
  readonly batch: Batch;
  readonly archiveKeys: ArchiveKeys;
}

/** Each attempt collects everything again under new object names, so no archive contains parts of a failed attempt. */
async function collectAll(
  deps: ActivityDeps,
  key: CollectionKey,
  { request, batch, archiveKeys }: CollectionTask,
  context: ConnectorContext,
) {
  const { requestId, project, system } = key;
  const connector = deps.connector(project, system);
  if (connector.export === undefined)
    throw new ConnectorError('refused', 'the system cannot export', { retryable: false });
  const now = attemptClock();
  const progress = reportProgress(deps, key);
  const parts: { object: string; facts: PartFacts }[] = [];
  // Taken before the snapshot, so that the archive contains every row up to this time.
  const cutOffAt = now();
  try {
    for await (const table of connector.export(batch, exportOptionsOf(request), context)) {
      const object = `${requestId}/${randomUUID()}`;
      const facts = await writePart(deps.storage, archiveKeys, object, table, {
        signal: context.signal,
        onProgress: progress.onProgress,
      });
      progress.add(facts);
      parts.push({ object, facts });
    }
  } catch (error) {
    // An error that follows a cancellation is not a failure of the system.
    context.signal.throwIfAborted();
    throw error;
  }
  await progress.waitForReports();
  await storeCollection(deps.database, key, { cutOffAt, parts });
}

const batchOf = (
  deps: ActivityDeps,
  system: string,
  { id: requestId, subjectKind: kind, epoch }: RequestRow,
  { size, lastSeq }: Pick<Batch, 'size' | 'lastSeq'>,
): Batch => ({
  requestId,
  kind,
  batch: `e${epoch}`,
  firstSeq: 1,
  lastSeq,
  size,
  identities: () => exportedIdentities(deps.database, requestId, lastSeq),
  foreignIds: () =>
    readForeignIds(
      deps.database,
      { requestId, system, batch: `e${epoch}` },
      { firstSeq: 1, lastSeq, condition: IS_SELECTED },
    ),
});

function exportOptionsOf(request: RequestRow): ExportOptions {
  const { scope, format } = request;
  if (format === null) throw new Error('an export has a format');
  return { scope, since: exportWindow(request), format };
}

/** Rows are known at the end of each table, bytes earlier. Sends at most one UPDATE every few seconds. */
function reportProgress({ database }: ActivityDeps, key: CollectionKey) {
  let total = { rows: 0, bytes: 0 };
  let lastAt = performance.now();
  let reporting: Promise<void> = Promise.resolve();
  const report = (current: { rows: number; bytes: number }) => {
    if (performance.now() - lastAt < REPORT_EVERY_MS) return;
    lastAt = performance.now();
    // The figures are informative: the collection continues if they cannot be written.
    reporting = reporting.then(() => updateCollectionProgress(database, key, current)).catch(() => undefined);
  };
  return {
    onProgress: (rows: number | null, bytes: number) =>
      report({ rows: total.rows + (rows ?? 0), bytes: total.bytes + bytes }),
    add: ({ rows, bytes }: PartFacts) => void (total = { rows: total.rows + rows, bytes: total.bytes + bytes }),
    waitForReports: () => reporting,
  };
}
