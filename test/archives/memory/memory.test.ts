import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

interface Peak {
  readonly rows: number;
  readonly bytes: number;
  readonly peak: number;
}

/** A small young generation makes garbage collection frequent, so that the peak shows the memory in use. */
async function measurePeak(rows: number): Promise<Peak> {
  const script = fileURLToPath(new URL('pack-rows.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=1', script, String(rows)]);
  return JSON.parse(stdout) as Peak;
}

test('packs a million rows with about as much memory as a hundred thousand', async () => {
  const [few, many] = [await measurePeak(100_000), await measurePeak(1_000_000)];
  expect(many.rows).toBe(1_000_000);
  expect(many.bytes).toBeGreaterThan(9 * few.bytes);
  expect(many.peak / few.peak).toBeLessThan(1.2);
});
