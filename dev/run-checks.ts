import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
/** Scripts of package.json, the longest first. */
const CHECKS = [
  'types',
  'lint',
  'spelling',
  'bundle',
  'document -- --check',
  'migrations:check',
  'words',
  'sizes',
  'titles',
  'format:check',
] as const;

/** `node dev/run-checks.ts [ROOT]`: runs every check except the tests, as many at a time as the machine has cores. */
const root = process.argv[2] ?? join(import.meta.dirname, '..');
const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
const failed = new Set<string>();
const waiting = CHECKS.values();
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, runNext));
if (failed.size > 0) {
  const commands = CHECKS.filter((check) => failed.has(check)).map((check) => `npm run ${check}`);
  console.error(`failed: ${commands.join(', ')}`);
  process.exitCode = 1;
}

async function runNext(): Promise<void> {
  for (const check of waiting) {
    const startedAt = performance.now();
    const { output, code } = await run(check);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    if (code !== 0) failed.add(check);
    // In one piece, because another check runs at the same time.
    process.stdout.write(`${code === 0 ? 'passed' : 'FAILED'} npm run ${check} (${seconds} s)\n${output}`);
  }
}

function run(check: string): Promise<{ readonly output: string; readonly code: number | null }> {
  const [name = '', args = ''] = check.split(' -- ');
  const command = `${scripts[name] ?? 'echo package.json has no such script; exit 1;'} ${args}`;
  const child = spawn(command, { cwd: root, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => (output += text));
  }
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ output, code }));
  });
}
