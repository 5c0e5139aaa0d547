import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The user that runs a server. Empty for the user of this process. */
export interface User {
  uid?: number;
  gid?: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** PostgreSQL does not run as root, so it runs as the owner of the folder or, for root, as an unprivileged user. */
export function serverUser(folder: string): User {
  if (!isRoot()) return {};
  const { uid, gid } = statSync(folder);
  if (uid !== 0) return { uid, gid };
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export function changeOwner(user: User, path: string): void {
  if (user.uid !== undefined) execFileSync('chown', ['-hR', `${user.uid}:${user.gid}`, path]);
}

/** Returns whether all users can access every parent folder of the path. Home folders often deny that. */
export function isReachable(path: string): boolean {
  const parent = dirname(path);
  if (parent === path) return true;
  return (statSync(parent).mode & 1) === 1 && isReachable(parent);
}
