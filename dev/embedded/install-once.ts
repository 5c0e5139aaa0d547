import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from './processes.ts';

let attempts = 0;

/**
 * Creates a folder atomically: `make` fills a temporary folder, which is then renamed. An interrupted attempt leaves no
 * incomplete folder; of several concurrent processes, the first one wins and the others use its result.
 */
export async function installOnce(target: string, make: (temporary: string) => void | Promise<void>): Promise<void> {
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  removeLeftovers(target);
  const temporary = `${target}.${process.pid}.${++attempts}.new`;
  try {
    await make(temporary);
    renameSync(temporary, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Removes the temporary folders of processes that no longer run. */
function removeLeftovers(target: string): void {
  const prefix = `${basename(target)}.`;
  for (const name of readdirSync(dirname(target))) {
    if (!name.startsWith(prefix) || !name.endsWith('.new')) continue;
    const pid = Number(name.slice(prefix.length).split('.')[0]);
    if (!isAlive(pid)) rmSync(join(dirname(target), name), { recursive: true, force: true });
  }
}
