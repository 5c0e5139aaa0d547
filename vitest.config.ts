import { defineConfig } from 'vitest/config';

// `--mode large`: the sizes that are too slow for every run.
export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/servers/run-folder.ts', 'test/support/servers/postgres-server.ts'],
    provide: { large: mode === 'large' },
    // Temporal's native bridge lives in a process, not in a thread; two at once is what two cores carry.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
}));
