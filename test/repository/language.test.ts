import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Result {
  readonly status: number | null;
  readonly findings: readonly string[];
}

/** Runs a check of `dev/` on files of these contents. */
function check(name: 'words' | 'titles', files: Readonly<Record<string, string>>): Result {
  const root = mkdtempSync(join(tmpdir(), 'lethe-language-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return run(name, root);
}

function run(name: 'words' | 'titles', root: string): Result {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, `dev/check-${name}.ts`), root], {
    encoding: 'utf8',
  });
  return { status, findings: stderr.split('\n').filter((line) => line !== '') };
}

const test_ = 'test';

test.for([
  ['api/app.ts', '// Who', 'ever asks is answered.'],
  ['db/claim.sql', '-- no', 'body is claimed'],
  ['test/api/a.test.ts', "expect('t", "old');"],
  ['docs/page.md', 'It go', 'es on.'],
  ['docs/more.md', 'The standing ref', 'usal of an inst', 'ant'],
  ['compose.yml', '# What', 'ever'],
])('finds a banned word in %s', ([path = '', ...text]) => {
  const { status, findings } = check('words', { [path]: `a first line\n${text.join('')}\n` });
  expect(status).toBe(1);
  expect(findings[0]).toContain(`${path}:2: "`);
});

test('finds no banned word in plain text, packages and recorded histories', () => {
  const banned = `some${'body'}`;
  const files = {
    'docs/page.md': 'The worker retries. A caller cancels the request.',
    'node_modules/a/index.ts': banned,
    'test/replay/histories/a.ts': banned,
    '.lethe/a.md': banned,
    'image.svg': banned,
  };
  expect(check('words', files)).toEqual({ status: 0, findings: [] });
});

test('finds titles that state no behavior', () => {
  const file = 'test/db/claim.test.ts';
  const titles = [
    'a held subject is not claimed',
    'claims: only due subjects',
    'claims due subjects',
    'does not claim',
  ];
  const text = titles.map((title) => `${test_}('${title}', () => {});`).join('\n');
  const table = `${test_}.each([[')', 1]])('the rows of %s', () => {});`;
  expect(check('titles', { [file]: `${text}\n${table}\n` })).toEqual({
    status: 1,
    findings: [
      `${file}: "a held subject is not claimed" does not start with a verb such as "returns" or "does not"`,
      `${file}: "claims: only due subjects" has a colon; write one sentence`,
      `${file}: "the rows of %s" does not start with a verb such as "returns" or "does not"`,
    ],
  });
});

test.for(['words', 'titles'] as const)('finds nothing in this repository when it checks %s', (name) => {
  expect(run(name, ROOT)).toEqual({ status: 0, findings: [] });
});

test('finds a misspelled word and accepts the terms of the glossary', () => {
  const cspell = join(ROOT, 'node_modules/cspell/bin.mjs');
  const spelling = (text: string) =>
    spawnSync(process.execPath, [cspell, '--no-progress', '--no-summary', '--words-only', 'stdin://docs/page.md'], {
      cwd: ROOT,
      input: text,
      encoding: 'utf8',
    });
  expect(spelling('The worker re-tries and recie' + 'ves a claim.')).toMatchObject({
    status: 1,
    stdout: 'recie' + 'ves\n',
  });
  expect(spelling('A suppression, a digest, `partially_deleted` and a soft deletion.')).toMatchObject({
    status: 0,
    stdout: '',
  });
});
