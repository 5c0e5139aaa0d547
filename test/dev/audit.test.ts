import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { auditByCopy, auditByRegistry } from '../../dev/audit/advisories.ts';
import { readInstalled } from '../../dev/audit/packages.ts';
import { compareVersions } from '../../dev/audit/versions.ts';
import { freePort } from '../../dev/embedded/ports.ts';

const folder = mkdtempSync(join(tmpdir(), 'lethe-audit-'));
afterAll(() => rmSync(folder, { recursive: true }));
function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const lock = write('package-lock.json', {
  packages: {
    '': { name: 'root', version: '1.0.0' },
    'node_modules/shipped': { version: '1.2.3' },
    'node_modules/@scope/tool': { version: '2.0.0-rc.5', dev: true },
    'node_modules/shipped/node_modules/tool': { version: '4.0.0', dev: true },
    'node_modules/tool': { version: '4.0.0' },
  },
});
const advisory = (id: string, name: string, severity: string | null, events: object[], more: object = {}) => ({
  id,
  modified: '2026-10-01T00:00:00Z',
  summary: `about ${id}`,
  ...(severity === null ? {} : { database_specific: { severity } }),
  affected: [{ package: { ecosystem: 'npm', name }, ranges: [{ type: 'SEMVER', events }] }],
  ...more,
});

/** Runs the command in a folder without a cached copy. */
async function audit(env: Record<string, string>) {
  const script = resolve(import.meta.dirname, '../../dev/audit/audit.ts');
  const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env } };
  const child = spawn(process.execPath, [script, '--lock', lock], options);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { stdout, stderr, code: code as unknown };
}

test('lists every installed version once and marks what only development needs', () => {
  expect(readInstalled(lock)).toEqual([
    { name: 'shipped', version: '1.2.3', dev: false },
    { name: '@scope/tool', version: '2.0.0-rc.5', dev: true },
    { name: 'tool', version: '4.0.0', dev: false },
  ]);
  expect(readInstalled(resolve(import.meta.dirname, '../../package-lock.json')).length).toBeGreaterThan(300);
});

test('orders versions by the precedence of Semantic Versioning', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ];
  const shuffled = ordered.toReversed();
  expect(shuffled.toSorted(compareVersions)).toEqual(ordered);
  expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
});

test('finds the versions that an advisory affects, and no version before, after or between its intervals', () => {
  const installed = readInstalled(lock);
  const idsOf = (events: object[], more: object = {}) =>
    auditByCopy(write('one.json', advisory('GHSA-1', 'shipped', 'HIGH', events, more)), installed).findings.length;
  expect(idsOf([{ introduced: '0' }])).toBe(1);
  expect(idsOf([{ introduced: '0' }, { fixed: '1.2.4' }])).toBe(1);
  expect(idsOf([{ introduced: '0' }, { fixed: '1.2.3' }])).toBe(0);
  expect(idsOf([{ fixed: '1.2.3' }, { introduced: '0' }])).toBe(0);
  expect(idsOf([{ introduced: '1.2.4' }])).toBe(0);
  expect(idsOf([{ introduced: '0' }, { last_affected: '1.2.3' }])).toBe(1);
  expect(idsOf([{ introduced: '0' }, { last_affected: '1.2.2' }])).toBe(0);
  expect(idsOf([{ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '1.3.0' }])).toBe(0);
  expect(idsOf([{ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '1.2.0' }, { fixed: '1.3.0' }])).toBe(1);
  expect(() => idsOf([{ introduced: '0' }], { withdrawn: '2026-10-02T00:00:00Z' })).toThrow('no advisory');
  const python = { affected: [{ package: { ecosystem: 'PyPI', name: 'shipped' }, versions: ['1.2.3'] }] };
  expect(() => idsOf([], python)).toThrow('contains no advisory on packages of npm');
});

test('exits with 1 for a finding of severity high or unknown in a copy, and with 0 for a moderate one', async () => {
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  write('copy/GHSA-2.json', advisory('GHSA-2', 'tool', 'MODERATE', [{ introduced: '0' }]));
  const moderate = await audit({ LETHE_ADVISORIES: copy });
  expect(moderate).toMatchObject({ code: 0, stderr: '' });
  expect(moderate.stdout.split('\n')).toEqual([
    'moderate  tool@4.0.0  GHSA-2  about GHSA-2',
    `checked 3 packages of ${lock} against 1 advisories of ${copy}, the newest of 2026-10-01`,
    '1 findings, 0 of them of severity high, critical or unknown',
    '',
  ]);
  write('copy/GHSA-3.json', [
    advisory('GHSA-3', '@scope/tool', null, [{ introduced: '2.0.0-rc.1' }, { fixed: '2.0.0' }]),
  ]);
  const serious = await audit({ LETHE_ADVISORIES: copy });
  expect(serious.code).toBe(1);
  expect(serious.stdout).toContain('unknown   @scope/tool@2.0.0-rc.5 (development only)  GHSA-3  about GHSA-3\n');
});

test('exits with 2 and says that nothing was checked when neither a registry nor a copy answers', async () => {
  const registry = `http://127.0.0.1:${await freePort()}/`;
  const nowhere = await audit({ npm_config_registry: registry });
  expect(nowhere).toMatchObject({ code: 2, stdout: '' });
  expect(nowhere.stderr).toMatch(
    /^NOTHING WAS CHECKED: the registry 127\.0\.0\.1:\d+ cannot be reached\. Set LETHE_ADVISORIES/,
  );
  const broken = write('broken.json', { id: 1 });
  const unreadable = await audit({ LETHE_ADVISORIES: broken, npm_config_registry: registry });
  expect(unreadable).toMatchObject({ code: 2, stdout: '' });
  expect(unreadable.stderr).toMatch(`NOTHING WAS CHECKED: ${broken} is not a JSON file with advisories`);
});

test('sends the registry only names and versions, and reports the advisories that it returns', async () => {
  let asked: unknown = null;
  let answer: { status: number; body: string } = { status: 405, body: '{}' };
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      asked = { path: request.url, body };
      response.writeHead(answer.status).end(answer.body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const registry = new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/npm/`);
  const installed = readInstalled(lock);
  await expect(auditByRegistry(registry, installed)).rejects.toThrow('offers no advisories (status 405)');
  expect(asked).toEqual({
    path: '/npm/-/npm/v1/security/advisories/bulk',
    body: { shipped: ['1.2.3'], '@scope/tool': ['2.0.0-rc.5'], tool: ['4.0.0'] },
  });
  const found = {
    id: 7,
    url: 'https://advisory.test/7',
    title: 'a flaw',
    severity: 'critical',
    vulnerable_versions: '<5',
  };
  answer = { status: 200, body: JSON.stringify({ tool: [found] }) };
  expect((await auditByRegistry(registry, installed)).findings).toEqual([
    { name: 'tool', version: '4.0.0', dev: false, severity: 'critical', id: found.url, title: 'a flaw (<5)' },
  ]);
  server.close();
});
