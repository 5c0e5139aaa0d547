import { packArchive } from '../../archives/archive.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { LETHE } from '../../db/audit/audit.ts';
import { collectAgain } from '../../db/exports/epoch.ts';
import { type PendingArchive, readPendingArchive, readyObjects, storeArchive } from '../../db/exports/ready.ts';
import type { AsOf, AttentionKey, SystemKey } from '../../domain/ids.ts';
import { type ActivityDeps, projectOf } from '../deps.ts';
import { attemptClock, withAttention, withConnectorContext } from '../connector-context.ts';
import { createArchiveKeys } from './keys.ts';

type ArchiveInput = Pick<SystemKey, 'requestId' | 'project'> & AsOf;

/** Steps on the archive storage, which run on their own queue. Their attention names `lethe` as the system. */
export const archiveActivities = (deps: ActivityDeps) => ({
  /**
   * Packages the collections unless the archive exists. Then removes all other objects of the request from the storage,
   * such as parts of earlier epochs.
   */
  async packageArchive(input: ArchiveInput): Promise<void> {
    const { requestId, asOf } = input;
    await withAttention(deps, attentionKey(input, 'package'), asOf, async () => {
      await withConnectorContext(deps, storageOf(input), async ({ signal }) => {
        const pending = await readPendingArchive(deps.database, requestId, attemptClock()());
        if (pending !== null) await packAndStore(deps, input, pending, signal);
        const objects = await readyObjects(deps.database, requestId);
        if (objects !== null) await deps.storage.removeExcept(requestId, objects);
      });
    });
  },

  /** Removes all objects of a request, whose key is destroyed already. */
  async removeArchiveObjects(input: ArchiveInput): Promise<void> {
    const { requestId, asOf } = input;
    await withAttention(deps, attentionKey(input, 'conclude'), asOf, () =>
      withConnectorContext(deps, storageOf(input), () => deps.storage.removeExcept(requestId, [])),
    );
  },
});

async function packAndStore(
  deps: ActivityDeps,
  input: ArchiveInput,
  { epoch, contents }: PendingArchive,
  signal: AbortSignal,
): Promise<void> {
  const { requestId, project, asOf } = input;
  const now = attemptClock();
  // If no system can export, no collection has created a key yet.
  const keys = await createArchiveKeys(deps, input);
  if (keys === null) return;
  try {
    const packed = await packArchive(deps.storage, keys, contents, signal);
    const { exportsKeptMs: keptMs, window } = projectOf(deps, project).policy;
    const wake = await storeArchive(deps.database, { requestId, epoch, ...packed }, { at: now(), keptMs, window });
    await deps.starter.signalRequests(wake ?? []);
  } catch (error) {
    signal.throwIfAborted();
    // A lost or damaged object has to be collected again.
    if (error instanceof StorageError && error.code !== 'unavailable') {
      await collectAgain(deps.database, { project, requestId, epoch, at: new Date(asOf) });
    }
    throw error;
  }
}

const storageOf = ({ project, requestId }: ArchiveInput) => ({ project, requestId, system: LETHE });

const attentionKey = ({ project, requestId }: ArchiveInput, step: AttentionKey['step']): AttentionKey => ({
  project,
  requestId,
  system: LETHE,
  step,
  batch: 0,
});
