import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Checks a folder with files of the given numbers of lines. */
function check(files: Record<string, number>): { status: number | null; violations: string[] } {
  const root = mkdtempSync(join(tmpdir(), 'lethe-sizes-'));
  folders.push(root);
  for (const [path, lines] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), 'x\n'.repeat(lines));
  }
  const program = resolve(import.meta.dirname, '../../dev/check-sizes.ts');
  const { status, stderr } = spawnSync(process.execPath, [program, root], { encoding: 'utf8' });
  return { status, violations: stderr.split('\n').filter((line) => line !== '') };
}

const many = (folder: string, count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/${index}.ts`, 1]));

test('accepts twelve files in a folder and 300 lines in a file', () => {
  expect(check({ ...many('db', 12), ...many('db/requests', 12), 'api/app.ts': 300, 'db/notes.md': 400 })).toEqual({
    status: 0,
    violations: [],
  });
});

test('lists every folder and every file that is too large, tests included', () => {
  const files = {
    ...many('db', 13),
    ...many('test/db', 14),
    'api/app.ts': 301,
    'test/api/a.test.ts': 400,
    'a.sql': 302,
  };
  expect(check(files)).toEqual({
    status: 1,
    violations: [
      'a.sql: 302 lines, at most 300',
      'api/app.ts: 301 lines, at most 300',
      'db: 13 source files, at most 12',
      'test/api/a.test.ts: 400 lines, at most 300',
      'test/db: 14 source files, at most 12',
    ],
  });
});

test('skips generated files, migrations, packages and hidden folders', () => {
  const files = { ...many('db/migrations', 13), ...many('node_modules/a', 13), ...many('.lethe', 13) };
  expect(check({ ...files, 'client/operations.ts': 2_000, 'api/operations.ts': 301 }).violations).toEqual([
    'api/operations.ts: 301 lines, at most 300',
  ]);
});
