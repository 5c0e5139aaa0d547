import { randomUUID } from 'node:crypto';
import { newKey } from '../../archives/encryption.ts';
import { writePart } from '../../archives/part.ts';
import { type Batch, ConnectorError, type ExportWanted, type Work } from '../../connectors/connector.ts';
import { type CollectionKey, collectionGrew, readWanted, storeCollection } from '../../db/exports/collections.ts';
import { keyForCollecting } from '../../db/exports/key.ts';
import { exportWindow } from '../../db/exports/window.ts';
import { exportedIdentities } from '../../db/subjects/identities.ts';
import { readRequestRow, type RequestRow } from '../../db/requests/row.ts';
import type { PartFacts } from '../../domain/archive.ts';
import type { ActivityDeps } from '../deps.ts';
import type { StepAt } from '../ledger.ts';
import { attended, requireCoverage, withWork } from '../connector-context.ts';
import { attemptClock } from './clock.ts';

export interface CollectionAt extends StepAt {
  readonly epoch: number;
}

/** How often the rows are told how far an attempt is. */
const TELL_EVERY_MS = 3_000;

/** Everything that one processor holds on those who are wanted, as it stands at one instant. */
export const collectActivities = (deps: ActivityDeps) => ({
  async collect({ asOf, ...key }: CollectionAt): Promise<void> {
    const { project, requestId, processor } = key;
    await attended(deps, { project, requestId, processor, step: 'collect', batch: 0 }, asOf, async () => {
      const wanted = await readWanted(deps.database, key);
      if (wanted === null) return;
      const archiveKey = await keyForCollecting(deps.database, deps.keys, key, newKey);
      if (archiveKey === null) return;
      // A table that nobody mapped would be missing from the archive.
      await requireCoverage(deps, key);
      const request = await readRequestRow(deps.database, requestId);
      await withWork(deps, key, (work) => collectAll(deps, key, { request, ...wanted, archiveKey }, work));
    });
  },
});

interface Collecting {
  readonly request: RequestRow;
  readonly size: number;
  readonly lastSeq: number;
  readonly archiveKey: string;
}

/** An attempt begins anew, under names of its own: what an earlier one left behind is in no archive. */
async function collectAll(deps: ActivityDeps, key: CollectionKey, { request, ...rest }: Collecting, work: Work) {
  const { requestId, project, processor } = key;
  const connector = deps.connector(project, processor);
  if (connector.export === undefined)
    throw new ConnectorError('refused', 'the processor exports nothing', { retryable: false });
  const now = attemptClock();
  const growth = tellGrowth(deps, key);
  const parts: { object: string; facts: PartFacts }[] = [];
  // No later than the snapshot: what the archive says of this instant is true.
  const cutOffAt = now();
  try {
    for await (const table of connector.export(batchOf(deps, request, rest), wantedOf(request), work)) {
      const object = `${requestId}/${randomUUID()}`;
      const facts = await writePart(deps.storage, rest.archiveKey, object, table, {
        signal: work.signal,
        progressed: growth.progressed,
      });
      growth.add(facts);
      parts.push({ object, facts });
    }
  } catch (error) {
    // Whatever broke because it was called off is no fault of anybody.
    work.signal.throwIfAborted();
    throw error;
  }
  await growth.told();
  await storeCollection(deps.database, key, { cutOffAt, parts });
}

const batchOf = (
  deps: ActivityDeps,
  { id: requestId, subjectKind: kind, epoch }: RequestRow,
  { size, lastSeq }: Omit<Collecting, 'request'>,
): Batch => ({
  requestId,
  kind,
  batch: `e${epoch}`,
  firstSeq: 1,
  lastSeq,
  size,
  identities: () => exportedIdentities(deps.database, requestId, lastSeq),
});

function wantedOf(request: RequestRow): ExportWanted {
  const { scope, format } = request;
  if (format === null) throw new Error('an export has a format');
  return { scope, since: exportWindow(request), format };
}

/** Rows are known at the end of each table, bytes before it; one UPDATE every few seconds, and none at a time of its own. */
function tellGrowth({ database }: ActivityDeps, key: CollectionKey) {
  let done = { rows: 0, bytes: 0 };
  let lastAt = performance.now();
  let telling: Promise<void> = Promise.resolve();
  const tell = (now: { rows: number; bytes: number }) => {
    if (performance.now() - lastAt < TELL_EVERY_MS) return;
    lastAt = performance.now();
    // A figure for whoever looks: that it cannot be told now is no reason to stop.
    telling = telling.then(() => collectionGrew(database, key, now)).catch(() => undefined);
  };
  return {
    progressed: (rows: number | null, bytes: number) =>
      tell({ rows: done.rows + (rows ?? 0), bytes: done.bytes + bytes }),
    add: ({ rows, bytes }: PartFacts) => void (done = { rows: done.rows + rows, bytes: done.bytes + bytes }),
    told: () => telling,
  };
}
