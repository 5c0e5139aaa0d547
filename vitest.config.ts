import { defineConfig } from 'vitest/config';
import { LOST_CONNECTION } from './db/errors.ts';
import { LongestFirst } from './test/support/run/sequence.ts';

const FILES = ['test/**/*.test.ts'];
/** Tests that start and kill processes or install their own Temporal runtime. */
const OWN_PROCESS = ['test/{dev,e2e,replay}/**/*.test.ts'];
export const options = {
  // Temporal's native bridge requires processes instead of threads.
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  teardownTimeout: 30_000,
} as const;

// `--mode large` uses sizes that are too slow for every run.
export default defineConfig(({ mode }) => ({
  test: {
    ...options,
    globalSetup: [
      'test/support/run/run-folder.ts',
      'test/support/servers/postgres-server.ts',
      'test/support/servers/mariadb-server.ts',
    ],
    provide: { large: mode === 'large' },
    // Four workers for two cores, because tests spend part of their time waiting.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // The end of a file drops its database. Like `surviveLostConnections`, for a connection that is being opened.
    onUnhandledError: (error) => ('code' in error && LOST_CONNECTION.includes(String(error.code)) ? false : undefined),
    projects: [
      {
        test: {
          ...options,
          name: 'shared',
          include: FILES,
          exclude: OWN_PROCESS,
          isolate: false,
          setupFiles: ['test/support/run/fresh-modules.ts'],
        },
      },
      { test: { ...options, name: 'own', include: OWN_PROCESS } },
    ],
  },
}));
