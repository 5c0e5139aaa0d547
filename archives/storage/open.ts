import { fileURLToPath } from 'node:url';
import { folderStorage } from './folder.ts';
import { s3Storage } from './s3.ts';
import type { ArchiveStorage } from './storage.ts';

/** `file:///var/lib/lethe/archives`: a folder; `s3://bucket/prefix?region=…`: a bucket. */
export async function openStorage(url: URL): Promise<ArchiveStorage> {
  if (url.protocol === 'file:') return folderStorage(fileURLToPath(url));
  if (url.protocol === 's3:') return s3Storage(url);
  throw new Error(`archives cannot lie in ${url.protocol}`);
}
