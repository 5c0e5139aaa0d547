import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { installOnce } from '../install-once.ts';
import type { Folder } from './folder.ts';
import type { Native } from './native.ts';
import { commandOf } from '../processes.ts';
import { giveTo } from './unprivileged.ts';

/** A server that was not asked to end gets this long to prove that its parent has just died. */
const ORPHAN_MS = 2_000;
const STOPPING_MS = 30_000;

export interface LockOwner {
  pid: number;
  port: number;
  status: string;
}

/** The live server on a data folder, if there is one. */
export function lockOwner(data: string): LockOwner | undefined {
  const lines = pidFile(data);
  const pid = Number(lines[0]);
  if (lines.length === 0 || !commandOf(pid).includes(data)) return undefined;
  return { pid, port: Number(lines[3]), status: (lines[7] ?? 'starting').trim() };
}

export function lockedBy(data: string, { pid, port }: LockOwner): Error {
  const where = port > 0 ? `, port ${port}` : '';
  return new Error(
    `a PostgreSQL server already holds ${data} (pid ${pid}${where}): use that one, or end it with kill -INT ${pid}`,
  );
}

/** Lets a server that is about to end do so; one that stays is named, not fought. */
export async function awaitUnlocked(data: string): Promise<void> {
  const began = Date.now();
  for (let owner = lockOwner(data); owner !== undefined; owner = lockOwner(data)) {
    const patience = owner.status === 'stopping' ? STOPPING_MS : ORPHAN_MS;
    if (Date.now() - began > patience) throw lockedBy(data, owner);
    await sleep(50);
  }
  forgetReusedPid(data);
}

/** PostgreSQL recovers from a stale pid file by itself, except when its number now belongs to a stranger. */
function forgetReusedPid(data: string): void {
  const stranger = commandOf(Number(pidFile(data)[0]));
  if (stranger !== '' && !stranger.includes(data)) rmSync(join(data, 'postmaster.pid'), { force: true });
}

function pidFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

export async function initialise(data: string, native: Native, { user, throwAway }: Folder): Promise<void> {
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const options = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', ...locale, ...(throwAway ? ['--no-sync'] : [])];
  await installOnce(data, async (beside) => {
    await promisify(execFile)(native.bin('initdb'), ['-D', beside, ...options], {
      ...user,
      env: { PATH: process.env['PATH'], ...native.env },
      cwd: '/',
    });
    giveTo(user, beside);
  });
}
