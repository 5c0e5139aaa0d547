import { generateArchiveKey } from '../../archives/encryption.ts';
import type { ArchiveKeys } from '../../archives/part.ts';
import { SubjectKeys } from '../../archives/subject-keys.ts';
import { readOrCreateKey, readSubjectKeys } from '../../db/exports/key.ts';
import type { ActivityDeps } from '../deps.ts';

/** Reads the keys of an export, and creates them on the first call. Null if no subject is left to export. */
export async function createArchiveKeys(
  { database, keys }: ActivityDeps,
  request: { readonly requestId: string; readonly project: string },
): Promise<ArchiveKeys | null> {
  const key = await readOrCreateKey(database, keys, request, generateArchiveKey);
  if (key === null) return null;
  const pages = [];
  for await (const page of readSubjectKeys(database, request.requestId)) pages.push(page);
  return { key, subjects: new SubjectKeys(pages.flat()) };
}
