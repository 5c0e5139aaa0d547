import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type User, changeOwner, isReachable, isRoot, serverUser } from './unprivileged.ts';

export interface Folder {
  path: string;
  user: User;
  temporary: boolean;
}

/** Returns the folder of the cluster: the given one, or a temporary one. */
export function clusterFolder(dir: string | undefined): Folder {
  const path =
    dir === undefined ? mkdtempSync(join(realpathSync(tmpdir()), 'lethe-pg-')) : permanentFolder(resolve(dir));
  const user = serverUser(path);
  changeOwner(user, path);
  return { path, user, temporary: dir === undefined };
}

function permanentFolder(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const real = realpathSync(dir);
  return isRoot() && !isReachable(real) ? reachableFolder(real) : real;
}

/** Other users cannot reach a cluster in root's home, so the cluster is stored elsewhere and linked from there. */
function reachableFolder(dir: string): string {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  const path = `/var/tmp/lethe-pg-${name}`;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  const serverUid = serverUser('/').uid;
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== serverUid)) {
    throw new Error(`${path} belongs to another user. Choose a folder whose parents are accessible to all users.`);
  }
  const link = join(dir, 'cluster');
  if (!existsSync(link)) symlinkSync(path, link);
  return path;
}
