import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/security.md');

/** The rows of the table of promises: the promise, and its tests as `path: title`. */
const rows = (page.split('\n## Promises and their tests\n')[1] ?? '')
  .split('\n')
  .filter((line) => /^\| (?!Promise |-)/.test(line) && !line.startsWith('|---'))
  .map((line) => {
    const [promise = '', tests = ''] = line.slice(2, -2).split(' | ');
    return { promise, tests: tests.split('<br>') };
  });

/** Why a named test does not exist. Null if it does. The title has to begin a test, not to be a part of another one. */
function missing(named: string, source: (path: string) => string | null): string | null {
  const [, path = '', title = ''] = /^`(test\/[\w/-]+\.test\.ts)`: (.+)$/.exec(named) ?? [];
  const text = path === '' ? null : source(path);
  if (text === null) return `${named}: no such file`;
  const quoted = title.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  const isTitle = new RegExp(String.raw`\btest(?:\.\w+)*[^;]*?\(\s*(['"\`])${quoted}\1\s*,`).test(text);
  return isTitle ? null : `${path} has no test with the title: ${title}`;
}

test('names only tests that exist in the table of promises', () => {
  const source = (path: string) => (existsSync(join(ROOT, path)) ? read(path) : null);
  expect(rows.flatMap(({ tests }) => tests.flatMap((named) => missing(named, source) ?? []))).toEqual([]);
});

test('finds a file, a title and a part of a title that do not exist', () => {
  const text = "test('keeps a row', () => {});\ntest.each(['a'])('keeps %s', { timeout: 1 }, () => {});";
  const source = (path: string) => (path === 'test/a.test.ts' ? text : null);
  expect(missing('`test/a.test.ts`: keeps a row', source)).toBeNull();
  expect(missing('`test/a.test.ts`: keeps %s', source)).toBeNull();
  expect(missing('`test/a.test.ts`: keeps a', source)).toContain('no test with the title');
  expect(missing('`test/b.test.ts`: keeps a row', source)).toContain('no such file');
  expect(missing('test/a.test.ts: keeps a row', source)).toContain('no such file');
});

test('has a promise with a test for each rule from 1 to 23, and for each subject of security', () => {
  const numbers = rows.flatMap(({ promise }) => /^Rule (\d+): /.exec(promise)?.[1] ?? []);
  expect(numbers).toEqual(Array.from({ length: 23 }, (_, index) => String(index + 1)));
  const promises = rows.map(({ promise }) => promise).join('\n');
  for (const subject of [/personal data/i, /token/, /TLS/, /webhook/i, /archive/, /grants/, /secret/, /containers/i])
    expect(promises).toMatch(subject);
  expect(new Set(rows.map(({ promise }) => promise)).size).toBe(rows.length);
});

test('says how to report a vulnerability, which versions are supported and what is in scope', () => {
  const headings = [...read('SECURITY.md').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(['Reporting', 'Supported versions', 'Scope']);
  for (const heading of ['Assets', 'Actors', 'Trust boundaries', 'Assumptions'])
    expect(page).toContain(`\n## ${heading}\n`);
});
