import { defineConfig } from 'oxlint';
import { layerOverrides } from './dev/layers.ts';

const UNAVAILABLE_IN_WORKFLOWS = 'is not available in workflows. Use an activity.';

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'promise', 'vitest'],
  categories: { correctness: 'error', suspicious: 'off', perf: 'off' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  // `npm run document` generates client/operations.ts. A test compiles test/client/consumer as a separate project.
  // The types of cspell.config.mjs are unknown, because tsconfig.json includes only TypeScript.
  ignorePatterns: [
    'node_modules',
    '.lethe',
    'coverage',
    'dist',
    'client/operations.ts',
    'test/client/consumer',
    'cspell.config.mjs',
  ],
  rules: {
    // A promise that is not awaited is a step that a workflow or transaction silently skips.
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
    // `import { type A }` keeps an import for side effects, which would bundle an activity into the workflows.
    'typescript/no-import-type-side-effects': 'error',
    'import/no-default-export': 'error',
    // Includes type imports. Merge files that need each other's types, or move the types to a third file.
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-duplicates': 'error',
    eqeqeq: 'error',
    'no-console': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'max-lines': ['error', { max: 300, skipBlankLines: false, skipComments: false }],
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
    // Tests of messages and proxies of methods legitimately break these rules.
    'typescript/unbound-method': 'off',
    'typescript/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  },
  overrides: [
    ...layerOverrides,
    {
      files: ['domain/**', 'workflows/**', 'activities/**', 'connectors/**', 'db/**', 'api/**'],
      rules: {
        'no-restricted-globals': [
          'error',
          { name: 'process', message: 'Only config/environment.ts may use `process`.' },
        ],
      },
    },
    {
      files: ['workflows/**'],
      rules: {
        'no-restricted-globals': [
          'error',
          ...['process', 'fetch', 'crypto', 'structuredClone', 'Buffer'].map((name) => ({
            name,
            message: UNAVAILABLE_IN_WORKFLOWS,
          })),
        ],
      },
    },
    { files: ['api/server.ts'], rules: { 'no-restricted-globals': 'off' } },
    {
      files: [
        '{lethe,vitest,oxlint,drizzle}.config.ts',
        '{dev/demo,dev/drill/deployment,test/replay}/*.config.ts',
        'types/**',
      ],
      rules: { 'import/no-default-export': 'off' },
    },
    {
      files: ['dev/**', 'test/**', 'commands/**'],
      rules: { 'no-console': 'off' },
    },
    // Vitest types its matchers as `any`.
    { files: ['test/**'], rules: { 'typescript/no-unsafe-assignment': 'off' } },
  ],
});
