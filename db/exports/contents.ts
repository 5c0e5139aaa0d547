import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Manifest } from '../../domain/archive.ts';
import type { Database } from '../client.ts';
import { archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { readParts } from './collections.ts';
import { readSubjectKeys } from './key.ts';

/** A ready archive as it is now. */
export interface ReadyArchive {
  /** What the archive contained when it was packaged, with the number of subjects that were removed since. */
  readonly manifest: Manifest;
  /** The objects of the files in the manifest, in their order. */
  readonly objects: readonly string[];
  /** The keys of the subjects that it still contains. */
  readonly subjectKeys: readonly { readonly seq: number; readonly key: Uint8Array }[];
}

/** Reads a ready archive with the keys of exactly the counted subjects. Null if the archive was destroyed. */
export async function readReadyArchive(database: Database, requestId: string): Promise<ReadyArchive | null> {
  const row = await readArchiveRow(database, requestId);
  if (row === null) return null;
  const { epoch, removedSubjects } = row;
  const objects = (await readParts(database, { id: requestId, epoch })).map(({ object }) => object);
  const pages = [];
  for await (const page of readSubjectKeys(database, requestId)) pages.push(page);
  const after = await readArchiveRow(database, requestId);
  // A claim between the statements has removed another subject.
  if (after?.removedSubjects !== removedSubjects) return readReadyArchive(database, requestId);
  return { manifest: withRemoved(row.manifest, removedSubjects), objects, subjectKeys: pages.flat() };
}

async function readArchiveRow(database: Database, requestId: string) {
  const [row] = await database
    .select({
      manifest: sql<Manifest>`${requests.receipt}`,
      epoch: archives.epoch,
      removedSubjects: archives.removedSubjects,
    })
    .from(archives)
    .innerJoin(requests, eq(requests.id, archives.requestId))
    .where(and(eq(archives.requestId, requestId), isNull(archives.destroyedAt)));
  return row ?? null;
}

/** The manifest with the number of subjects that were removed since. Its files stay as they were packaged. */
export const withRemoved = (manifest: Manifest, removedSubjects: number): Manifest => ({
  ...manifest,
  subjects: manifest.subjects - removedSubjects,
  removedSubjects,
});
