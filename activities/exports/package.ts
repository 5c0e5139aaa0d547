import { randomUUID } from 'node:crypto';
import { writeArchive } from '../../archives/archive.ts';
import { newKey } from '../../archives/encryption.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { LETHE } from '../../db/audit/audit.ts';
import { collectAgain } from '../../db/exports/epoch.ts';
import { keyForCollecting } from '../../db/exports/key.ts';
import { type Packing, readPacking, readyObject, storeArchive } from '../../db/exports/ready.ts';
import type { Step } from '../../domain/vocabulary.ts';
import { type ActivityDeps, projectOf } from '../deps.ts';
import type { At } from '../ledger.ts';
import { attended, withWork } from '../connector-context.ts';
import { attemptClock } from './clock.ts';

export interface ArchiveAt extends At {
  readonly project: string;
}

/** Work on the storage of archives, on a queue of its own. What goes wrong here is nobody's but Lethe's. */
export const archiveActivities = (deps: ActivityDeps) => ({
  /** Packs what is collected, unless it is packed; then nothing but the archive is left in the storage. */
  async packageArchive(input: ArchiveAt): Promise<void> {
    const { requestId, asOf } = input;
    await attended(deps, attentionKey(input, 'package'), asOf, async () => {
      await withWork(deps, lethe(input), async ({ signal }) => {
        const packing = await readPacking(deps.database, requestId, attemptClock()());
        if (packing !== null) await pack(deps, input, packing, signal);
        const object = await readyObject(deps.database, requestId);
        if (object !== null) await deps.storage.removeAllBut(requestId, [object]);
      });
    });
  },

  /** Of a request whose key is destroyed: not even noise is left. */
  async removeObjects(input: ArchiveAt): Promise<void> {
    const { requestId, asOf } = input;
    await attended(deps, attentionKey(input, 'conclude'), asOf, () =>
      withWork(deps, lethe(input), () => deps.storage.removeAllBut(requestId, [])),
    );
  },
});

async function pack(
  deps: ActivityDeps,
  input: ArchiveAt,
  { epoch, contents }: Packing,
  signal: AbortSignal,
): Promise<void> {
  const { requestId, project, asOf } = input;
  const now = attemptClock();
  // Where no processor hands anything out, nobody has needed one yet.
  const key = await keyForCollecting(deps.database, deps.keys, input, newKey);
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
    await deps.starter.wake(wake ?? []);
  } catch (error) {
    signal.throwIfAborted();
    // What is lost or damaged is not mended by another try at packing it.
    if (error instanceof StorageError && error.code !== 'unavailable') {
      await collectAgain(deps.database, { project, requestId, epoch, at: new Date(asOf) });
    }
    throw error;
  }
}

const lethe = ({ project }: ArchiveAt) => ({ project, processor: LETHE });

const attentionKey = ({ project, requestId }: ArchiveAt, step: Step) =>
  ({ project, requestId, processor: LETHE, step, batch: 0 }) as const;
