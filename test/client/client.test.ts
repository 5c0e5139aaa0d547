import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serve } from '@hono/node-server';
import { afterAll, expect, test } from 'vitest';
import { testApi } from '../api/support/api.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const api = await testApi();

const server = serve({ fetch: api.app.fetch, hostname: '127.0.0.1', port: 0 });
afterAll(() => new Promise((ended) => server.close(ended)));
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('the server has no port');
const url = `http://127.0.0.1:${address.port}`;

/** A caller's empty project: the tarball is packed as README.md says and installed without a registry. */
const project = await mkdtemp(join(tmpdir(), 'lethe-client-'));
afterAll(() => rm(project, { recursive: true }));
await run('npm', ['pack', './client', '--pack-destination', project], { cwd: root });
const tarballs = await readdir(project);
await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarballs[0]}`], { cwd: project });

/** The TypeScript example of README.md, saved under the name that README.md gives it. */
const readme = await readFile(join(root, 'README.md'), 'utf8');
const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
await writeFile(join(project, 'request.mts'), example);
await cp(new URL('consumer/use.ts', import.meta.url), join(project, 'use.mts'));

const compilerOptions = {
  strict: true,
  target: 'es2024',
  module: 'nodenext',
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
  skipLibCheck: false,
};
await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts', 'request.mts'] }));
const compiled = await run(join(root, 'node_modules/.bin/tsc'), ['-p', project]).catch(
  (error: { stdout: string }) => error,
);

test('installs the client as the only package', async () => {
  expect(tarballs).toEqual([expect.stringMatching(/^lethe-client-\d+\.\d+\.\d+\.tgz$/)]);
  const entries = await readdir(join(project, 'node_modules'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  expect(new Set(files.map((file) => file.slice(join(project, 'node_modules/').length)))).toEqual(
    new Set([
      '.package-lock.json',
      ...['LICENSE', 'README.md', 'package.json'].map((name) => `@lethe/client/${name}`),
      ...['index.js', 'index.d.ts', 'operations.js', 'operations.d.ts'].map((name) => `@lethe/client/dist/${name}`),
    ]),
  );
});

test('has the version of the service', async () => {
  const versionOf = async (path: string): Promise<unknown> =>
    (JSON.parse(await readFile(join(root, path), 'utf8')) as { version: unknown }).version;
  expect(await versionOf('client/package.json')).toBe(await versionOf('package.json'));
});

test('compiles correct calls and rejects misspelled ones when installed in an empty project', () => {
  expect(compiled.stdout).toBe('');
});

test('submits, reads, pages, downloads and reports problems when installed in an empty project', async () => {
  const { stdout } = await run(process.execPath, [join(project, 'use.mjs'), url, api.owner.token]);
  const results = JSON.parse(stdout) as Record<string, unknown>;
  const requests = await api.sql<{ id: string }[]>`SELECT id FROM lethe.requests ORDER BY received_at, id`;
  expect(requests).toHaveLength(6);
  expect(requests.map(({ id }) => id)).toContain(results['accepted']);
  expect(results).toEqual({
    accepted: results['accepted'],
    status: 'received',
    pages: [2, 2, 1],
    ids: 5,
    none: 0,
    held: 1,
    hold: true,
    csv: ['text/csv; charset=utf-8', 1 + 5],
    lines: { header: ['user_id'], total: 3, accepted: 2, merged: 1, failed: 0, blank: 0 },
    replayed: true,
    notFound: [404, 'request_not_found'],
    invalid: [422, ['/subjects/identities/0/type']],
    unauthorized: [401, 'unauthorized'],
    aborted: 'AbortError',
  });
});

test('runs the TypeScript example of README.md without a build', async () => {
  const env = { ...process.env, LETHE_URL: url, LETHE_TOKEN: api.owner.token };
  const { stdout } = await run(process.execPath, ['request.mts'], { cwd: project, env });
  expect(stdout).toMatch(/^req_\w+ is received, due \d{4}-\d{2}-\d{2}/);
});
