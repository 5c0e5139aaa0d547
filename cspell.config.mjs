import { readFileSync } from 'node:fs';

/** The terms that docs/glossary.md prints in bold. */
const glossary = readFileSync(new URL('docs/glossary.md', import.meta.url), 'utf8').matchAll(/\*\*([\w ]+)\*\*/g);

export default {
  version: '0.2',
  language: 'en-US',
  files: ['**/*.{ts,md,yml,css,html}', '**/*.sql', '.env.example'],
  ignorePaths: [
    'node_modules',
    '.lethe',
    'client/operations.ts',
    // Patterns and examples of names of tables and columns.
    'connectors/postgres/propose/names',
    'test/init/schemas',
    'test/init/truths',
    'client/dist',
    'db/migrations',
    'test/replay/histories',
    'test/repository/language.test.ts',
    // Patterns of names, and schemas of other products.
    'connectors/postgres/propose/names',
    'connectors/postgres/inspect/coverage/personal-columns.ts',
    'test/init/schemas',
    'test/init/truths',
  ],
  words: [...glossary].flatMap(([, term]) => term?.split(/[ _]/) ?? []),
  dictionaries: ['names'],
  dictionaryDefinitions: [{ name: 'names', path: './dev/spelling.txt' }],
  // Digests, tokens and other encoded bytes.
  ignoreRegExpList: ['/[A-Za-z0-9+/_-]{40,}/g', '/\\b[0-9a-f]{12,}\\b/g'],
  useGitignore: true,
};
