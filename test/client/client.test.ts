import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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

/** Somebody else's empty folder, with the package as npm makes it. */
const folder = await mkdtemp(join(tmpdir(), 'lethe-client-'));
afterAll(() => rm(folder, { recursive: true }));
const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
const installed = join(folder, 'node_modules', 'lethe');
await mkdir(installed, { recursive: true });
await run('tar', [
  'xzf',
  join(folder, /"filename": "([^"]+)"/.exec(stdout)?.[1] ?? ''),
  '--strip-components=1',
  '-C',
  installed,
]);
await cp(new URL('consumer/use.ts', import.meta.url), join(folder, 'use.ts'));
await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
const compilerOptions = {
  strict: true,
  target: 'es2024',
  module: 'nodenext',
  lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
  skipLibCheck: false,
};
await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));

const compiled = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch(
  (error: { stdout: string }) => error,
);

test('the package is the client alone, without a line of the service', () => {
  const files = [...stdout.matchAll(/"path": "([^"]+)"/g)].map(([, path]) => path);
  expect(new Set(files)).toEqual(
    new Set([
      'LICENSE',
      'README.md',
      'package.json',
      ...['index.js', 'index.d.ts', 'operations.js', 'operations.d.ts'].map((name) => `client/dist/${name}`),
    ]),
  );
});

test('good use compiles against the package, and whatever is misspelt does not', () => {
  expect(compiled.stdout).toBe('');
});

test('the compiled caller submits, reads, pages, downloads and meets problems, on Node with nothing installed', async () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const url = `http://127.0.0.1:${address.port}`;
  const { stdout: said } = await run(process.execPath, [join(folder, 'use.js'), url, api.owner.token]);
  const told = JSON.parse(said) as Record<string, unknown>;
  const requests = await api.sql<{ id: string }[]>`SELECT id FROM lethe.requests ORDER BY received_at, id`;
  expect(requests).toHaveLength(6);
  expect(requests.map(({ id }) => id)).toContain(told['accepted']);
  expect(told).toEqual({
    accepted: told['accepted'],
    status: 'received',
    pages: [2, 2, 1],
    ids: 5,
    none: 0,
    csv: ['text/csv; charset=utf-8', 1 + 5],
    lines: { total: 3, accepted: 2, merged: 1, failed: 0, blank: 0 },
    replayed: true,
    refused: [404, 'request_not_found'],
    withFaults: [422, ['/subjects/identities/0/type']],
    unknown: [401, 'unauthorized'],
    aborted: 'AbortError',
  });
});
