import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { commandOf } from '../processes.ts';

/** The time in which a server stops after its parent was killed. */
const ORPHAN_GRACE_MS = 5_000;
/** Stays when the server stops. Valid only while the process runs a server with this file. */
const LockOwner = z.object({ pid: z.number(), port: z.number() });

export function recordServer(dbFile: string, owner: z.infer<typeof LockOwner>): void {
  writeFileSync(`${dbFile}.server`, JSON.stringify(owner));
}

/** Throws if a server uses the SQLite file, because two servers would corrupt it. */
export async function awaitNoServer(dbFile: string): Promise<void> {
  const until = Date.now() + ORPHAN_GRACE_MS;
  for (let owner = lockOwner(dbFile); owner !== undefined; owner = lockOwner(dbFile)) {
    if (Date.now() > until) {
      const { pid, port } = owner;
      throw new Error(
        `another Temporal server uses ${dbFile} (pid ${pid}, port ${port}). Use that server, or stop it with kill ${pid}.`,
      );
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
