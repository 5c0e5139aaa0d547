import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Holds files that one test file creates and other test files of the run read. */
    runFolder: string;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'lethe-tests-'));

export function setup(project: TestProject): void {
  // The many processes that tests start compile each file once.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
  project.provide('runFolder', folder);
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
