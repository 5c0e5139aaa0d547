import { fileURLToPath } from 'node:url';
import { folderStorage } from './folder.ts';
import type { ArchiveStorage } from './storage.ts';

/** `file:///var/lib/lethe/archives`: a folder. */
export function openStorage(url: URL): ArchiveStorage {
  if (url.protocol === 'file:') return folderStorage(fileURLToPath(url));
  throw new Error(`archives cannot lie in ${url.protocol}`);
}
