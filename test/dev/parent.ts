import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { z } from 'zod';
import { isAlive } from '../../dev/embedded/processes.ts';

const Output = z.union([
  z.object({ error: z.string() }),
  z.object({ pid: z.number(), logFile: z.string(), url: z.string().optional(), address: z.string().optional() }),
]);

export interface Parent {
  process: ChildProcess;
  output: z.infer<typeof Output>;
}

const parents: ChildProcess[] = [];
afterEach(() => {
  for (const parent of parents.splice(0)) parent.kill('SIGTERM');
});

/** Starts another process that starts a server, optionally as another user. */
export async function startParent(
  kind: 'postgres' | 'temporal' | 'mariadb',
  options: Record<string, unknown> = {},
  as: { uid?: number; gid?: number; program?: string } = {},
): Promise<Parent> {
  const { program = join(import.meta.dirname, 'start-server.ts'), ...user } = as;
  const args = [program, kind, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { ...user, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('the process has no stdout');
  parents.push(child);
  const lines: unknown[] = await once(createInterface({ input: child.stdout }), 'line');
  return { process: child, output: Output.parse(JSON.parse(String(lines[0]))) };
}

export function startedServer({ output }: Parent): Exclude<Parent['output'], { error: string }> {
  if ('error' in output) throw new Error(output.error);
  return output;
}

export async function hasExited(pid: number): Promise<boolean> {
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(50)) if (!isAlive(pid)) return true;
  return false;
}
