import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { folderStorage } from '../../archives/storage/folder.ts';

/** A temporary folder that is removed after the test file. */
export function archiveFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-archives-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const archives = () => folderStorage(archiveFolder());

export const PUBLIC_URL = new URL('https://lethe.test');
