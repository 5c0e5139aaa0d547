import { readdir } from 'node:fs/promises';
import { readArchive } from '../../archives/archive.ts';
import { type Sealed, unseal } from '../../db/sealed.ts';
import { unpacked, whole } from '../archives/packing.ts';
import { KEYS } from './ledger.ts';
import type { World } from './world.ts';

/** All that would be downloaded, as one text. */
export async function handedOut(world: World, requestId: string): Promise<string> {
  const [row] = await world.database<(Sealed & { object: string })[]>`
    SELECT object, sealed, digest_key FROM lethe.archives JOIN lethe.archive_keys USING (request_id) WHERE request_id = ${requestId}`;
  if (row === undefined) throw new Error('an archive that is ready has its key');
  const key = unseal(KEYS, `archive ${requestId}`, row);
  const files = await unpacked(await whole(readArchive(world.deps.storage, key, row.object)));
  return [...files.values()].join('\n');
}

/** How many objects of a request lie in the folder. */
export const objectsOf = async (folder: string, requestId: string): Promise<number> =>
  (await readdir(`${folder}/${requestId}`).catch(() => [])).length;

/** The exports that were begun for a deletion, oldest first. */
export const backupsOf = ({ database }: World, deletion: string) => database<{ id: string; status: string }[]>`
  SELECT id, status FROM lethe.requests WHERE backup_of = ${deletion} ORDER BY received_at, id`;
