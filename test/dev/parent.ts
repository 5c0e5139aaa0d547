import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { z } from 'zod';
import { isAlive } from '../../dev/embedded/processes.ts';

const Said = z.union([
  z.object({ error: z.string() }),
  z.object({ pid: z.number(), logFile: z.string(), url: z.string().optional(), address: z.string().optional() }),
]);

export interface Parent {
  process: ChildProcess;
  said: z.infer<typeof Said>;
}

const parents: ChildProcess[] = [];
afterEach(() => {
  for (const parent of parents.splice(0)) parent.kill('SIGTERM');
});

/** Another process that starts a server, as whoever is asked for. */
export async function parentOf(
  what: 'postgres' | 'temporal',
  options: Record<string, unknown> = {},
  as: { uid?: number; gid?: number; program?: string } = {},
): Promise<Parent> {
  const { program = join(import.meta.dirname, 'start-server.ts'), ...user } = as;
  const args = [program, what, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { ...user, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no output to read');
  parents.push(child);
  const lines: unknown[] = await once(createInterface({ input: child.stdout }), 'line');
  return { process: child, said: Said.parse(JSON.parse(String(lines[0]))) };
}

export function started({ said }: Parent): Exclude<Parent['said'], { error: string }> {
  if ('error' in said) throw new Error(said.error);
  return said;
}

export async function isGone(pid: number): Promise<boolean> {
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(50)) if (!isAlive(pid)) return true;
  return false;
}
