import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Holds files that one test file creates and other test files of the run read. */
    runFolder: string;
  }
}

/** More than the databases and archives of a run need. */
const NEEDED_BYTES = 6 * 2 ** 30;
const MEMORY = '/dev/shm';

const folder = mkdtempSync(join(hasRoom() ? MEMORY : tmpdir(), 'lethe-tests-'));

export function setup(project: TestProject): void {
  // PostgreSQL may run as another user, who has to reach its folder.
  chmodSync(folder, 0o755);
  project.provide('runFolder', folder);
  // All temporary files of the run are in its folder. Creating and dropping hundreds of databases is faster in memory.
  process.env['TMPDIR'] = join(folder, 'tmp');
  mkdirSync(process.env['TMPDIR']);
  chmodSync(process.env['TMPDIR'], 0o1777);
  // The many processes that tests start compile each file once.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}

function hasRoom(): boolean {
  if (!existsSync(MEMORY)) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return Math.min(bavail * bsize, process.availableMemory()) > NEEDED_BYTES;
}
