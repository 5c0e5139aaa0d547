import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

/** Runs the checks of a project with the same scripts, each of which succeeds unless it is given. */
function runChecks(given: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'lethe-checks-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const succeeding = Object.fromEntries(Object.keys(scripts).map((name) => [name, `echo output of ${name}`]));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ scripts: { ...succeeding, ...given } }));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'dev/run-checks.ts'), root], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('runs every check with its arguments and succeeds when all of them do', () => {
  const { status, stdout, stderr } = runChecks({});
  expect([status, stderr]).toEqual([0, '']);
  const checks = [...stdout.matchAll(/^passed npm run (\S+)/gm)].map(([, name = '']) => name);
  const all = Object.keys(scripts).filter((name) =>
    /^(types|lint|spelling|bundle|document|words|sizes|titles)$|:check$/.test(name),
  );
  expect(checks.toSorted()).toEqual(all.toSorted());
  expect(stdout).toMatch(/npm run document -- --check .*\noutput of document --check\n/);
});

test('fails with the names and the whole output of the failed checks, and still runs the others', () => {
  const { status, stdout, stderr } = runChecks({
    types: 'echo one; sleep 0.2; echo two >&2; exit 2',
    titles: 'exit 1',
  });
  expect(status).toBe(1);
  expect(stderr).toBe('failed: npm run types, npm run titles\n');
  expect(stdout).toMatch(/^FAILED npm run types \([\d.]+ s\)\none\ntwo\n/m);
  expect(stdout.match(/^passed /gm)).toHaveLength(8);
});
