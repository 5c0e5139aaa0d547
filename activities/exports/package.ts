import { randomUUID } from 'node:crypto';
import { writeArchive } from '../../archives/archive.ts';
import { generateArchiveKey } from '../../archives/encryption.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { LETHE } from '../../db/audit/audit.ts';
import { collectAgain } from '../../db/exports/epoch.ts';
import { readOrCreateKey } from '../../db/exports/key.ts';
import { type PendingArchive, readPendingArchive, readyObject, storeArchive } from '../../db/exports/ready.ts';
import type { AsOf, AttentionKey, SystemKey } from '../../domain/ids.ts';
import { type ActivityDeps, projectOf } from '../deps.ts';
import { attemptClock, withAttention, withConnectorContext } from '../connector-context.ts';

type ArchiveInput = Pick<SystemKey, 'requestId' | 'project'> & AsOf;

/** Steps on the archive storage, which run on their own queue. Their attention names `lethe` as the system. */
export const archiveActivities = (deps: ActivityDeps) => ({
  /** Packages the collections unless the archive exists. Then removes all other objects of the request from the storage. */
  async packageArchive(input: ArchiveInput): Promise<void> {
    const { requestId, asOf } = input;
    await withAttention(deps, attentionKey(input, 'package'), asOf, async () => {
      await withConnectorContext(deps, storageOf(input), async ({ signal }) => {
        const pending = await readPendingArchive(deps.database, requestId, attemptClock()());
        if (pending !== null) await writeAndStore(deps, input, pending, signal);
        const object = await readyObject(deps.database, requestId);
        if (object !== null) await deps.storage.removeExcept(requestId, [object]);
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

async function writeAndStore(
  deps: ActivityDeps,
  input: ArchiveInput,
  { epoch, contents }: PendingArchive,
  signal: AbortSignal,
): Promise<void> {
  const { requestId, project, asOf } = input;
  const now = attemptClock();
  // If no system can export, no collection has created a key yet.
  const key = await readOrCreateKey(deps.database, deps.keys, input, generateArchiveKey);
  if (key === null) return;
  const object = `${requestId}/${randomUUID()}`;
  try {
    const written = await writeArchive(deps.storage, key, object, contents, signal);
    const { exportsKeptMs: keptMs, window } = projectOf(deps, project).policy;
    const wake = await storeArchive(
      deps.database,
      { requestId, epoch, object, ...written },
      { at: now(), keptMs, window },
    );
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

const storageOf = ({ project }: ArchiveInput) => ({ project, system: LETHE });

const attentionKey = ({ project, requestId }: ArchiveInput, step: AttentionKey['step']): AttentionKey => ({
  project,
  requestId,
  system: LETHE,
  step,
  batch: 0,
});
