import { fileURLToPath } from 'node:url';
import { folderStorage } from './folder.ts';
import { s3Storage } from './s3.ts';
import type { ArchiveStorage } from './storage.ts';

/** Opens a folder (`file:///var/lib/lethe/archives`) or a bucket (`s3://bucket/prefix?region=…`). */
export async function openStorage(url: URL): Promise<ArchiveStorage> {
  if (url.protocol === 'file:') return folderStorage(fileURLToPath(url));
  if (url.protocol === 's3:') return s3Storage(url);
  throw new Error(`LETHE_ARCHIVES: archives cannot be stored in ${url.protocol}`);
}
