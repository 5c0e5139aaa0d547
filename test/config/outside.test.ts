import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'lethe-outside-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a configuration of two files into a folder outside of this repository, which has no package.json. */
function writeConfiguration(name: string, source = "from 'lethe/config'"): string {
  mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, name, 'users.ts'),
    `import type { KindMap } ${source};
     export const user: KindMap = { table: 'app.users', key: 'user_id' };`,
  );
  const path = join(folder, name, 'lethe.config.ts');
  writeFileSync(
    path,
    `import { defineDeployment, env, postgres } ${source};
     import { user } from './users.ts';
     export default defineDeployment({ projects: { shop: {
       policy: { deadline: { gdpr: '30 days' } }, directory: 'app',
       systems: { app: postgres({ url: env('SHOP_URL'), kinds: { user } }) } } } });`,
  );
  return path;
}

const command = (path: string, file: string, config: string) =>
  run(process.execPath, [file], { cwd: path, env: { PATH: process.env['PATH'], LETHE_CONFIG: config } });

test('reads a configuration from another folder that imports lethe/config', async () => {
  const config = writeConfiguration('typescript');
  const { stdout, stderr } = await command('.', 'commands/system-sql.ts', config);
  expect(stdout).toContain('-- shop: app');
  expect(stderr).toBe('');
});

test('reads it when the command runs in another folder than the repository', async () => {
  const config = writeConfiguration('elsewhere');
  const { stdout } = await command(folder, join(process.cwd(), 'commands/system-sql.ts'), config);
  expect(stdout).toContain('-- shop: app');
});

test('reads JavaScript that imports lethe/config and lethe/catalogue', async () => {
  const path = join(folder, 'lethe.config.js');
  writeFileSync(
    path,
    `import { userpilot } from 'lethe/catalogue';
     import { defineDeployment, env, postgres } from 'lethe/config';
     export default defineDeployment({ projects: { shop: { policy: { deadline: { gdpr: '30 days' } }, directory: 'app',
       systems: { app: postgres({ url: env('SHOP_URL'), kinds: { user: { table: 'app.users', key: 'user_id' } } }),
         tours: userpilot({ apiKey: env('USERPILOT_API_KEY') }) } } } });`,
  );
  expect((await command('.', 'commands/system-sql.ts', path)).stdout).toContain('-- shop: app');
});

test('does not resolve other modules of this repository by the name of the package', async () => {
  const config = writeConfiguration('internal', "from 'lethe/connectors/postgres/index.ts'");
  await expect(command('.', 'commands/system-sql.ts', config)).rejects.toThrow(/Cannot find package 'lethe'/);
});

test('accepts lethe/config in the types of a file in this repository', async () => {
  const path = join(process.cwd(), 'test/config/self-reference.ts');
  const { stdout } = await run(process.execPath, [path]);
  expect(stdout).toBe('shop\n');
});
