import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { figuresOf } from '../../dev/demo/figures.ts';
import { startStack } from '../../dev/demo/stack.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { pathWithCommands } from './support/command-line.ts';
import { temporaryFolder } from './support/service.ts';

/** The demo with its state in a folder of this test, where the blocks of README.md run as they are. */
const workingFolder = temporaryFolder();
const stateFolder = join(workingFolder, '.lethe/demo');
mkdirSync(stateFolder, { recursive: true });
process.env['DATABASE_URL'] = (await createDatabase()).url;
const stack = await startStack(
  { scale: 0.02, seed: 1 },
  { report: () => undefined, begin: () => undefined },
  stateFolder,
);
afterAll(() => stack.stop(), 60_000);

const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');

function shellBlocks(heading: string): string {
  const [, section = ''] = new RegExp(`^## ${heading}\n(.*?)^## `, 'ms').exec(readme) ?? [];
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('');
}

test('runs the first deletion and the first export of README.md as written', async () => {
  const before = await figuresOf(stack.demoUrl, 'u-17');
  const script = `set -euo pipefail\n${shellBlocks('A first deletion')}\n${shellBlocks('A first export')}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd: workingFolder,
    env: { ...process.env, PATH: pathWithCommands(temporaryFolder()) },
    encoding: 'utf8',
    timeout: 90_000,
  });
  expect({ status, stderr: stderr.trim() }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^grace\n1\n/);
  expect(stdout).toContain('\ncompleted\n');
  expect(stdout).toContain('"survivors": 0');
  expect(stdout).toContain(`"removed": ${before['app.events']}`);
  expect(stdout).toContain('"basis": "tax law, 10 years"');
  expect(stdout).toMatch(/\nready\n(.*\n)*.*data\/app\/app\.users\.ndjson\n(.*\n)*.*index\.html\n.*manifest\.json/);
  expect(before).toMatchObject({ 'app.users': 1 });
  expect(await figuresOf(stack.demoUrl, 'u-17')).toEqual({});
}, 120_000);
