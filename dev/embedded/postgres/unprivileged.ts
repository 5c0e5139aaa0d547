import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whom a server runs as; empty for whoever runs us. */
export interface User {
  uid?: number;
  gid?: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** PostgreSQL refuses root: it runs as the folder's owner or, when that is root too, as nobody. */
export function serverUser(folder: string): User {
  if (!isRoot()) return {};
  const { uid, gid } = statSync(folder);
  if (uid !== 0) return { uid, gid };
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export function giveTo(user: User, path: string): void {
  if (user.uid !== undefined) execFileSync('chown', ['-hR', `${user.uid}:${user.gid}`, path]);
}

/** May other users pass through every folder above this path? A home folder is often closed. */
export function isReachable(path: string): boolean {
  const parent = dirname(path);
  if (parent === path) return true;
  return (statSync(parent).mode & 1) === 1 && isReachable(parent);
}
