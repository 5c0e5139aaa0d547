import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
let folder = '';

/** A folder in the checkout, so that imports resolve as in workflows/. */
beforeAll(() => {
  mkdirSync(join(ROOT, '.lethe'), { recursive: true });
  folder = mkdtempSync(join(ROOT, '.lethe/bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bundle(text: string, ...options: readonly string[]): { status: number | null; output: string } {
  const file = join(folder, 'index.ts');
  writeFileSync(file, text);
  const program = join(ROOT, 'commands/bundle.ts');
  const run = spawnSync(process.execPath, [program, file, ...options], { encoding: 'utf8' });
  return { status: run.status, output: run.stdout + run.stderr };
}

test('bundles a workflow that only waits, and writes the bundle to the given file', () => {
  const text = `import { sleep } from '@temporalio/workflow';\nexport const wait = () => sleep('1 day');\n`;
  const output = join(folder, 'workflows.js');
  expect(bundle(text, '--output', output)).toEqual({
    status: 0,
    output: expect.stringMatching(/workflow bundle: \d+ kB/),
  });
  expect(existsSync(output)).toBe(true);
});

test('rejects workflows that read files or import activities', () => {
  const reading = `import { readFile } from 'node:fs/promises';\nexport const read = () => readFile('x');\n`;
  expect(bundle(reading)).toEqual({ status: 1, output: expect.stringContaining('fs/promises') });
  const direct = `import { activityInfo } from '@temporalio/activity';\nexport const act = () => activityInfo();\n`;
  expect(bundle(direct).status).toBe(1);
});
