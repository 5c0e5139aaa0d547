import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/run/sequence.ts';

const FILES = ['test/**/*.test.ts'];
/** Their tests start and kill processes, or install a Temporal runtime of their own. */
const OWN_PROCESS = ['test/{dev,e2e,replay}/**/*.test.ts'];
export const options = {
  // Temporal's native bridge lives in a process, not in a thread.
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  teardownTimeout: 30_000,
} as const;

// `--mode large`: the sizes that are too slow for every run.
export default defineConfig(({ mode }) => ({
  test: {
    ...options,
    globalSetup: ['test/support/run/run-folder.ts', 'test/support/servers/postgres-server.ts'],
    provide: { large: mode === 'large' },
    // Two cores carry three: while one waits for a timeout, the others work.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
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
