import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** A package that the lock file installs. */
export interface Installed {
  readonly name: string;
  readonly version: string;
  /** Whether the image and the processes do without it. */
  readonly dev: boolean;
}

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ name: z.string().optional(), version: z.string().optional(), dev: z.boolean().optional() }),
  ),
});

/** Reads the packages of a lock file, each version once. */
export function readInstalled(lockFile: string): readonly Installed[] {
  const { packages } = Lock.parse(JSON.parse(readFileSync(lockFile, 'utf8')));
  const found = new Map<string, Installed>();
  for (const [path, { name = nameOf(path), version, dev = false }] of Object.entries(packages)) {
    if (path === '' || version === undefined) continue;
    const key = `${name}@${version}`;
    found.set(key, { name, version, dev: dev && (found.get(key)?.dev ?? true) });
  }
  return [...found.values()];
}

/** `node_modules/a/node_modules/@scope/b` installs `@scope/b`. */
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
