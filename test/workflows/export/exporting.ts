import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { type ArchiveStorage, StorageError } from '../../../archives/storage/storage.ts';
import type { NewRequest } from '../../../db/requests/create.ts';
import { readKey } from '../../../db/exports/key.ts';
import type { Identity } from '../../../domain/identity.ts';
import { archiveFolder } from '../../support/archives.ts';
import { archiveFiles } from '../../support/world/archives.ts';
import { KEYS } from '../../support/ledger.ts';
import { eventually, statusOf, submit } from '../../support/world/actions.ts';
import type { World } from '../../support/world/world.ts';

/** Storage in a real folder that can be made to fail. */
export interface FaultyStorage extends ArchiveStorage {
  /** While true, no object can be read or removed. */
  unavailable: boolean;
  /** The number of objects that are missing at the next reads. */
  lost: number;
  /** Called before all objects of a request are removed. */
  onRemoval: ((requestId: string) => Promise<void>) | null;
  /** The names of all objects of a request. */
  objectsOf(requestId: string): readonly string[];
}

export function faultyStorage(): FaultyStorage {
  const root = archiveFolder();
  const folder = folderStorage(root);
  const faults: FaultyStorage = {
    ...folder,
    unavailable: false,
    lost: 0,
    onRemoval: null,
    async *read(name) {
      if (faults.unavailable) throw new StorageError('unavailable', 'unavailable');
      if (faults.lost > 0) {
        faults.lost -= 1;
        throw new StorageError('missing', 'lost');
      }
      yield* folder.read(name);
    },
    async removeExcept(requestId, kept) {
      if (faults.unavailable) throw new StorageError('unavailable', 'unavailable');
      if (kept.length === 0) await faults.onRemoval?.(requestId);
      await folder.removeExcept(requestId, kept);
    },
    objectsOf: (requestId) => (existsSync(join(root, requestId)) ? readdirSync(join(root, requestId)) : []),
  };
  return faults;
}

export const submitExport = (
  world: World,
  project: string,
  identities: readonly Identity[],
  changes: Partial<NewRequest> = {},
): Promise<string> =>
  submit(world, project, identities, { kind: 'export', hardDeleteAt: null, format: 'ndjson', ...changes });

export const waitForStatus = (world: World, requestId: string, status: string) =>
  eventually(status, async () => (await statusOf(world, requestId)).status === status);

/** The number of rows of every table in the archive, by the path of its file. */
export async function rowsIn(world: World, requestId: string): Promise<Readonly<Record<string, number>>> {
  const files = await archiveFiles(world, requestId);
  const tables = [...files].filter(([path]) => path.startsWith('data/'));
  return Object.fromEntries(tables.map(([path, bytes]) => [path, String(bytes).split('\n').length - 1]));
}

/** Waits until the storage contains exactly the parts of the archive, and returns how many these are. */
export async function waitForOnlyParts(world: World, storage: FaultyStorage, requestId: string): Promise<number> {
  const parts = await world.sql<{ object: string }[]>`
    SELECT object FROM lethe.collected_tables JOIN lethe.archives USING (request_id, epoch) WHERE request_id = ${requestId}`;
  const names = parts.map(({ object }) => object.split('/')[1] ?? '').toSorted();
  await eventually('no other object', async () => storage.objectsOf(requestId).toSorted().join() === names.join());
  return names.length;
}

export const hasKey = async (world: World, requestId: string): Promise<boolean> =>
  (await readKey(world.database, KEYS, requestId)) !== null;

/** Counts the identities of the request that the ledger and the system `app` still store. */
export async function countStoredIdentities({ database, app }: World, requestId: string): Promise<number> {
  const [row] = await database.$client<{ identities: number }[]>`
    SELECT (SELECT count(*) FROM lethe.submitted_identities WHERE request_id = ${requestId} AND value IS NOT NULL)
      + (SELECT count(*) FROM lethe.subject_identities WHERE request_id = ${requestId})
      + (SELECT count(*) FROM lethe.requests WHERE id = ${requestId} AND notify IS NOT NULL) AS identities`;
  const [batch] = await app<{ identities: string }[]>`
    SELECT count(*) AS identities FROM lethe_system.batch WHERE request_id = ${requestId}`;
  return (row?.identities ?? 0) + Number(batch?.identities ?? 0);
}
