import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

interface Peak {
  readonly rows: number;
  readonly bytes: number;
  readonly peak: number;
}

/** A young generation of one megabyte: what is garbage is collected soon, and the peak is what is held. */
async function packing(rows: number): Promise<Peak> {
  const script = fileURLToPath(new URL('pack-rows.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=1', script, String(rows)]);
  return JSON.parse(stdout) as Peak;
}

test('a million rows are collected and packed in the memory that ten thousand take', async () => {
  const [few, many] = [await packing(10_000), await packing(1_000_000)];
  expect(many.rows).toBe(1_000_000);
  expect(many.bytes).toBeGreaterThan(30 * few.bytes);
  expect(many.peak / few.peak).toBeLessThan(1.3);
});
