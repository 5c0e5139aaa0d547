import { defineConfig } from 'oxlint';
import { layerFences } from './dev/layers.ts';

const NOT_THERE = 'does not exist inside a workflow: do it in an activity.';

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'promise', 'vitest'],
  categories: { correctness: 'error', suspicious: 'off', perf: 'off' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  // Of the last two, one is made by `npm run document`, the other is compiled by its test as somebody else's project.
  ignorePatterns: ['node_modules', '.lethe', 'coverage', 'dist', 'client/operations.ts', 'test/client/consumer'],
  rules: {
    // A promise that nobody waits for is a step that a workflow or a transaction silently skips.
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/return-await': ['error', 'in-try-catch'],
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/ban-ts-comment': 'error',
    'typescript/consistent-type-imports': 'error',
    // `import { type A }` leaves an import for its side effects behind, which would pull an activity into a workflow.
    'typescript/no-import-type-side-effects': 'error',
    'import/no-default-export': 'error',
    // Also for types: two files that need each other's types are one file, or a third is missing.
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-duplicates': 'error',
    eqeqeq: 'error',
    'no-console': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'max-lines': ['error', { max: 300, skipBlankLines: false, skipComments: false }],
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
    // Both are what a test of a message or a proxy of a method looks like, and neither hides a fault here.
    'typescript/unbound-method': 'off',
    'typescript/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  },
  overrides: [
    ...layerFences,
    {
      files: ['domain/**', 'workflows/**', 'activities/**', 'connectors/**', 'db/**', 'api/**'],
      rules: {
        'no-restricted-globals': ['error', { name: 'process', message: 'Only config/environment.ts reads it.' }],
      },
    },
    {
      files: ['workflows/**'],
      rules: {
        'no-restricted-globals': [
          'error',
          ...['process', 'fetch', 'crypto', 'structuredClone', 'Buffer'].map((name) => ({ name, message: NOT_THERE })),
        ],
      },
    },
    { files: ['api/server.ts'], rules: { 'no-restricted-globals': 'off' } },
    {
      files: ['{lethe,vitest,oxlint,drizzle}.config.ts', '{dev/demo,test/replay}/*.config.ts', 'types/**'],
      rules: { 'import/no-default-export': 'off' },
    },
    {
      files: ['dev/**', 'test/**', 'bench/**', 'commands/**'],
      rules: { 'no-console': 'off' },
    },
    // The matchers of vitest are typed as any.
    { files: ['test/**', 'bench/**'], rules: { 'typescript/no-unsafe-assignment': 'off' } },
  ],
});
