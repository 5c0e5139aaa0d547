import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
let folder = '';

/** Below the checkout, so that packages are found as they are from workflows/. */
beforeAll(() => {
  mkdirSync(join(ROOT, '.lethe'), { recursive: true });
  folder = mkdtempSync(join(ROOT, '.lethe/bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bundle(text: string): { status: number | null; said: string } {
  const file = join(folder, 'index.ts');
  writeFileSync(file, text);
  const program = join(ROOT, 'dev/bundle-workflows.ts');
  const run = spawnSync(process.execPath, [program, file], { encoding: 'utf8' });
  return { status: run.status, said: run.stdout + run.stderr };
}

test('a workflow that waits can be bundled', () => {
  const text = `import { sleep } from '@temporalio/workflow';\nexport const wait = () => sleep('1 day');\n`;
  expect(bundle(text)).toEqual({ status: 0, said: expect.stringMatching(/workflow bundle: \d+ kB/) });
});

test('a workflow that reads a file, or runs an activity of which it has the code, breaks the bundle', () => {
  const reading = `import { readFile } from 'node:fs/promises';\nexport const read = () => readFile('x');\n`;
  expect(bundle(reading)).toEqual({ status: 1, said: expect.stringContaining('fs/promises') });
  const direct = `import { activityInfo } from '@temporalio/activity';\nexport const act = () => activityInfo();\n`;
  expect(bundle(direct).status).toBe(1);
});
