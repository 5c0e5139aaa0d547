import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from './processes.ts';

let made = 0;

/**
 * Makes a folder that is either whole or not there. It is made beside and renamed, so an interrupted attempt leaves
 * nothing half-made and of several processes at once the first one wins and the others use its work.
 */
export async function installOnce(target: string, make: (beside: string) => void | Promise<void>): Promise<void> {
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  sweep(target);
  const beside = `${target}.${process.pid}.${++made}.new`;
  try {
    await make(beside);
    renameSync(beside, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Removes what processes that are gone had begun. */
function sweep(target: string): void {
  const prefix = `${basename(target)}.`;
  for (const name of readdirSync(dirname(target))) {
    if (!name.startsWith(prefix) || !name.endsWith('.new')) continue;
    const pid = Number(name.slice(prefix.length).split('.')[0]);
    if (!isAlive(pid)) rmSync(join(dirname(target), name), { recursive: true, force: true });
  }
}
