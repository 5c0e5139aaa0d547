import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isHandwritten } from './handwritten.ts';

const MAX_FILES = 12;
const MAX_LINES = 300;
const SOURCES = /\.(ts|tsx|js|css|html|sql)$/;
/** Generated files and migrations, which must not change after they are applied. */
const EXEMPT: readonly string[] = ['client/operations.ts', 'db/migrations'];

/** `node dev/check-sizes.ts [ROOT]`: lists every folder with too many source files and every file with too many lines. */
const root = process.argv[2] ?? join(import.meta.dirname, '..');
const violations = checkFolder('');
for (const violation of violations) console.error(violation);
if (violations.length === 0) console.log(`no folder above ${MAX_FILES} source files, no file above ${MAX_LINES} lines`);
else process.exitCode = 1;

function checkFolder(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
    .map((entry) => ({ path: folder === '' ? entry.name : `${folder}/${entry.name}`, entry }))
    .filter(({ path, entry }) => !EXEMPT.includes(path) && !entry.name.startsWith('.'))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const files = entries.filter(({ entry }) => entry.isFile() && SOURCES.test(entry.name));
  const folders = entries.filter(({ entry }) => entry.isDirectory() && isHandwritten(entry.name));
  return [
    ...(files.length > MAX_FILES ? [`${folder || '.'}: ${files.length} source files, at most ${MAX_FILES}`] : []),
    ...files.flatMap(({ path }) => checkFile(path)),
    ...folders.flatMap(({ path }) => checkFolder(path)),
  ];
}

function checkFile(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return lines > MAX_LINES ? [`${path}: ${lines} lines, at most ${MAX_LINES}`] : [];
}
