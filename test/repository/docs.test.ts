import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const pages = globSync('**/*.md', { cwd: ROOT, exclude: ['node_modules', '.lethe', 'coverage'] }).toSorted();
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const exists = (path: string): boolean => existsSync(join(ROOT, path));
const Package = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = Package.parse(JSON.parse(read('package.json')));
const OpenApi = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
const { paths } = OpenApi.parse(JSON.parse(read('docs/openapi.json')));
const withoutNames = (path: string): string => path.replaceAll(/\{\w+\}/g, '{}');
const operations: ReadonlySet<string> = new Set(
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${withoutNames(path)}`),
  ),
);

const withoutBlocks = (text: string): string => text.replaceAll(/^( *)```[^]*?^\1```$/gm, '');

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const counts = new Map<string, number>();
  return new Set(
    [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
      const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const anchor = plain.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
      const count = counts.get(anchor) ?? 0;
      counts.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }),
  );
}

/** Returns the relative links that lead to no file of the repository or to no heading. */
function brokenLinks(page: string, text: string): string[] {
  const targets = [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page : posix.join(dirname(page), file);
    if (file !== '' && !exists(path)) return true;
    return anchor !== undefined && !anchorsOf(path === page ? text : read(path)).has(anchor);
  });
}

/** Returns the scripts after `npm run` that package.json does not have. */
function unknownScripts(text: string): string[] {
  const names = [...text.matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => name);
  return names.filter((name) => !(name in scripts));
}

/** Returns the calls such as `GET /v1/requests/{id}` that docs/openapi.json does not have. */
function unknownOperations(text: string): string[] {
  const calls = [...text.matchAll(/\b(GET|POST|PUT|PATCH|DELETE) (\/v1\/[\w/{}-]*)/g)].map(([call]) => call);
  return calls.filter((call) => !operations.has(withoutNames(call)));
}

/** A path in backticks that a reader would search for in the repository: a source file, or a folder. */
const REPOSITORY_PATH = /`((?:[\w.-]+\/)*(?:[\w.-]+\.(?:ts|mjs|sql|md|yml)|[\w-]+\.json|[\w-]+\/))`/g;
/** Files that a reader or Lethe creates. */
const OTHER_FILES: ReadonlySet<string> = new Set(['manifest.json', 'receipt.json']);

/** Returns the paths that do not exist. A path can start at the root, at the page or at an earlier path of its line. */
function missingPaths(page: string, text: string): string[] {
  return withoutBlocks(text)
    .split('\n')
    .flatMap((line) => {
      const folders = ['', dirname(page)];
      return [...line.matchAll(REPOSITORY_PATH)].flatMap(([, path = '']) => {
        if (OTHER_FILES.has(path)) return [];
        const found = folders.map((folder) => posix.join(folder, path)).find(exists);
        if (found === undefined) return [path];
        folders.push(found.endsWith('/') ? found : dirname(found));
        return [];
      });
    });
}

test('finds links, scripts, calls and paths that lead nowhere', () => {
  const text = `# A page
[a](#a-page) [b](#b-page) [c](glossary.md#statuses) [d](glossary.md#states) [e](missing.md) [f](../README.md)
\`npm run check\`, \`npm run -s migrate\`, \`npm run polish\`
\`GET /v1/requests/{id}?limit=2\`, \`PATCH /v1/requests/{id}\`
\`db/\` starts with \`deletion/claim.ts\`, next to \`nothing.ts\`; \`api/nowhere/\` and \`dev/layers.ts\`
\`\`\`
[not a link](nowhere.md), \`db/nowhere.ts\`
\`\`\`
`;
  expect(brokenLinks('docs/planted.md', text)).toEqual(['#b-page', 'glossary.md#states', 'missing.md']);
  expect(unknownScripts(text)).toEqual(['polish']);
  expect(unknownOperations(text)).toEqual(['PATCH /v1/requests/{id}']);
  expect(missingPaths('docs/planted.md', text)).toEqual(['nothing.ts', 'api/nowhere/']);
});

test.each(pages)('finds no link, script, call or path that leads nowhere in %s', (page) => {
  const text = read(page);
  expect({
    links: brokenLinks(page, text),
    scripts: unknownScripts(text),
    calls: unknownOperations(text),
    paths: missingPaths(page, text),
  }).toEqual({ links: [], scripts: [], calls: [], paths: [] });
});

const folder = mkdtempSync(join(tmpdir(), 'lethe-docs-'));
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The names that a page's snippets use without defining them. */
const DEFINED_ELSEWHERE: Readonly<Record<string, string>> = {
  'README.md': '',
  'docs/api-guide.md': 'declare const id: string;\n',
  'docs/webhooks.md': 'declare const rawBody: string, headers: Record<string, string>;\n',
};

/** Returns what the compiler reports about the TypeScript blocks of a page, taken together. */
async function typeErrors(page: string, text: string): Promise<string> {
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, block]) => block);
  expect(blocks.length).toBeGreaterThan(0);
  writeFileSync(join(folder, 'page.mts'), `${DEFINED_ELSEWHERE[page]}${blocks.join('')}`);
  const tsconfig = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noUnusedLocals: false,
      typeRoots: [join(ROOT, 'node_modules/@types')],
      paths: { '@lethe/client': [join(ROOT, 'client/index.ts')] },
    },
    include: [join(folder, 'page.mts')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', folder];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch(
    (error: unknown) => error as { stdout: string },
  );
  return stdout;
}

test.each(Object.keys(DEFINED_ELSEWHERE))('accepts the types of the snippets in %s', async (page) => {
  expect(await typeErrors(page, read(page))).toBe('');
});

test('rejects a snippet with a field that the API does not have', async () => {
  const text = read('docs/api-guide.md').replace('expectedCount: 2', 'expectedNumber: 2');
  expect(await typeErrors('docs/api-guide.md', text)).toContain("'expectedNumber' does not exist");
});
