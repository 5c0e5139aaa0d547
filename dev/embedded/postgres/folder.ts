import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type User, giveTo, isReachable, isRoot, serverUser } from './unprivileged.ts';

export interface Folder {
  path: string;
  user: User;
  throwAway: boolean;
}

/** Where the cluster lives: a temporary folder, or the one that was asked for. */
export function clusterFolder(dir: string | undefined): Folder {
  const path = dir === undefined ? mkdtempSync(join(realpathSync(tmpdir()), 'lethe-pg-')) : lasting(resolve(dir));
  const user = serverUser(path);
  giveTo(user, path);
  return { path, user, throwAway: dir === undefined };
}

function lasting(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const real = realpathSync(dir);
  return isRoot() && !isReachable(real) ? elsewhere(real) : real;
}

/** Under root's own home no other user gets at the cluster: it moves to where one does, with a link to find it by. */
function elsewhere(dir: string): string {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  const path = `/var/tmp/lethe-pg-${name}`;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  const nobody = serverUser('/').uid;
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== nobody)) {
    throw new Error(`${path} belongs to someone else; PostgreSQL needs a folder that is not below a closed one`);
  }
  const link = join(dir, 'cluster');
  if (!existsSync(link)) symlinkSync(path, link);
  return path;
}
