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

/** A real folder, and what it is made to do wrong. */
export interface Spoiled extends ArchiveStorage {
  /** While this is true nothing can be read or removed. */
  away: boolean;
  /** So many objects are there no more when they are read next. */
  lost: number;
  /** Called before a request's objects go for good. */
  onRemoval: ((requestId: string) => Promise<void>) | null;
  /** Everything that lies there for a request, however it came there. */
  objectsOf(requestId: string): readonly string[];
}

export function spoiled(): Spoiled {
  const root = archiveFolder();
  const folder = folderStorage(root);
  const faults: Spoiled = {
    ...folder,
    away: false,
    lost: 0,
    onRemoval: null,
    async *read(name) {
      if (faults.away) throw new StorageError('unavailable', 'away');
      if (faults.lost > 0) {
        faults.lost -= 1;
        throw new StorageError('missing', 'lost');
      }
      yield* folder.read(name);
    },
    async removeExcept(requestId, kept) {
      if (faults.away) throw new StorageError('unavailable', 'away');
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

export const reaches = (world: World, requestId: string, status: string) =>
  eventually(status, async () => (await statusOf(world, requestId)).status === status);

/** The rows of every table, by the path of its file; as it would be downloaded. */
export async function rowsIn(world: World, requestId: string): Promise<Readonly<Record<string, number>>> {
  const files = await archiveFiles(world, requestId);
  const tables = [...files].filter(([path]) => path.startsWith('data/'));
  return Object.fromEntries(tables.map(([path, bytes]) => [path, String(bytes).split('\n').length - 1]));
}

export const hasKey = async (world: World, requestId: string): Promise<boolean> =>
  (await readKey(world.database, KEYS, requestId)) !== null;

/** What is left of who was meant, in the ledger and in the system `app`. */
export async function namesLeft({ database, app }: World, requestId: string): Promise<number> {
  const [row] = await database.$client<{ names: number }[]>`
    SELECT (SELECT count(*) FROM lethe.submitted_identities WHERE request_id = ${requestId} AND value IS NOT NULL)
      + (SELECT count(*) FROM lethe.subject_identities WHERE request_id = ${requestId})
      + (SELECT count(*) FROM lethe.requests WHERE id = ${requestId} AND notify IS NOT NULL) AS names`;
  const [batch] = await app<{ names: string }[]>`
    SELECT count(*) AS names FROM lethe_system.batch WHERE request_id = ${requestId}`;
  return (row?.names ?? 0) + Number(batch?.names ?? 0);
}
