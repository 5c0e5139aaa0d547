import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { installOnce } from '../install-once.ts';
import type { Folder } from './folder.ts';
import type { Native } from './native.ts';
import { commandOf } from '../processes.ts';
import { changeOwner } from './unprivileged.ts';

/** A running server may stop within this time if its parent has just been killed. */
const ORPHAN_GRACE_MS = 2_000;
const STOP_TIMEOUT_MS = 30_000;

export interface LockOwner {
  pid: number;
  port: number;
  status: string;
}

/** The running server that uses a data folder, if any. */
export function lockOwner(data: string): LockOwner | undefined {
  const lines = pidFile(data);
  const pid = Number(lines[0]);
  if (lines.length === 0 || !commandOf(pid).includes(data)) return undefined;
  return { pid, port: Number(lines[3]), status: (lines[7] ?? 'starting').trim() };
}

export function lockedBy(data: string, { pid, port }: LockOwner): Error {
  const where = port > 0 ? `, port ${port}` : '';
  return new Error(
    `another PostgreSQL server uses ${data} (pid ${pid}${where}). Use that server, or stop it with kill -INT ${pid}.`,
  );
}

/** Waits for a server that is about to stop. Throws if the server continues to run. */
export async function awaitUnlocked(data: string): Promise<void> {
  const startedAt = Date.now();
  for (let owner = lockOwner(data); owner !== undefined; owner = lockOwner(data)) {
    const timeoutMs = owner.status === 'stopping' ? STOP_TIMEOUT_MS : ORPHAN_GRACE_MS;
    if (Date.now() - startedAt > timeoutMs) throw lockedBy(data, owner);
    await sleep(50);
  }
  removeReusedPid(data);
}

/** PostgreSQL handles a stale PID file itself, unless another program now has that process ID. */
function removeReusedPid(data: string): void {
  const command = commandOf(Number(pidFile(data)[0]));
  if (command !== '' && !command.includes(data)) rmSync(join(data, 'postmaster.pid'), { force: true });
}

function pidFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

export async function initializeCluster(data: string, native: Native, { user, temporary }: Folder): Promise<void> {
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const options = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', ...locale, ...(temporary ? ['--no-sync'] : [])];
  await installOnce(data, async (folder) => {
    await promisify(execFile)(native.bin('initdb'), ['-D', folder, ...options], {
      ...user,
      env: { PATH: process.env['PATH'], ...native.env },
      cwd: '/',
    });
    changeOwner(user, folder);
  });
}
