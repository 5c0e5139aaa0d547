import { readdir } from 'node:fs/promises';
import { readArchive } from '../../../archives/archive.ts';
import { readKey } from '../../../db/exports/key.ts';
import { unpacked, whole } from '../../archives/packing.ts';
import { KEYS } from '../ledger.ts';
import type { World } from './world.ts';

/** What would be downloaded, by the path of each file. */
export async function filesOf(world: World, requestId: string): Promise<ReadonlyMap<string, Buffer>> {
  const [row] = await world.sql<{ object: string }[]>`
    SELECT object FROM lethe.archives WHERE request_id = ${requestId}`;
  const key = await readKey(world.database, KEYS, requestId);
  if (row === undefined || key === null) throw new Error('an archive that is ready has its key');
  return unpacked(await whole(readArchive(world.deps.storage, key, row.object)));
}

/** The same, as one text. */
export const handedOut = async (world: World, requestId: string): Promise<string> =>
  [...(await filesOf(world, requestId)).values()].join('\n');

/** How many objects of a request lie in the folder. */
export const objectsOf = async (folder: string, requestId: string): Promise<number> =>
  (await readdir(`${folder}/${requestId}`).catch(() => [])).length;

/** The exports that were begun for a deletion, oldest first. */
export const backupsOf = ({ database }: World, deletion: string) => database.$client<{ id: string; status: string }[]>`
  SELECT id, status FROM lethe.requests WHERE backup_of = ${deletion} ORDER BY received_at, id`;
