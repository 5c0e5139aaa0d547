import { readdir } from 'node:fs/promises';
import { readArchive } from '../../../archives/archive.ts';
import { SubjectKeys } from '../../../archives/subject-keys.ts';
import { readReadyArchive } from '../../../db/exports/contents.ts';
import { readKey } from '../../../db/exports/key.ts';
import { unpack, readAll } from '../../archives/packing.ts';
import { KEYS } from '../ledger.ts';
import type { World } from './world.ts';

/** The files of the archive that a caller would download, by path. */
export async function archiveFiles(world: World, requestId: string): Promise<ReadonlyMap<string, Buffer>> {
  const archive = await readReadyArchive(world.database, requestId);
  const key = await readKey(world.database, KEYS, requestId);
  if (archive === null || key === null) throw new Error('the request has no ready archive with a key');
  const keys = { key, subjects: new SubjectKeys(archive.subjectKeys) };
  return unpack(await readAll(readArchive(world.deps.storage, keys, archive)));
}

/** The contents of all files of the archive as one text. */
export const archiveText = async (world: World, requestId: string): Promise<string> =>
  [...(await archiveFiles(world, requestId)).values()].join('\n');

/** The number of objects of a request in the archive folder. */
export const objectsOf = async (folder: string, requestId: string): Promise<number> =>
  (await readdir(`${folder}/${requestId}`).catch(() => [])).length;

/** The backups of a deletion, oldest first. */
export const backupsOf = ({ database }: World, deletion: string) => database.$client<{ id: string; status: string }[]>`
  SELECT id, status FROM lethe.requests WHERE backup_of = ${deletion} ORDER BY received_at, id`;
