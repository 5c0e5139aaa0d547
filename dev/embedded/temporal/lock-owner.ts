import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { commandOf } from '../processes.ts';

/** What a server that has just lost its parent gets to end in. */
const ORPHAN_MS = 5_000;
/** Kept when the server ends: a number that no longer is a server on this file says nothing. */
const LockOwner = z.object({ pid: z.number(), port: z.number() });

export function noteServer(dbFile: string, owner: z.infer<typeof LockOwner>): void {
  writeFileSync(`${dbFile}.server`, JSON.stringify(owner));
}

/** Two servers on one SQLite file would spoil it: the one that is there is named, not fought. */
export async function awaitNoServer(dbFile: string): Promise<void> {
  const until = Date.now() + ORPHAN_MS;
  for (let owner = lockOwner(dbFile); owner !== undefined; owner = lockOwner(dbFile)) {
    if (Date.now() > until) {
      const { pid, port } = owner;
      throw new Error(`a Temporal server already holds ${dbFile} (pid ${pid}, port ${port}): use it or kill ${pid}`);
    }
    await sleep(50);
  }
}

function lockOwner(dbFile: string): z.infer<typeof LockOwner> | undefined {
  try {
    const owner = LockOwner.parse(JSON.parse(readFileSync(`${dbFile}.server`, 'utf8')));
    return commandOf(owner.pid).includes(dbFile) ? owner : undefined;
  } catch {
    return undefined;
  }
}
