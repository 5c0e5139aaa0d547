import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { childEnvironment } from '../../config/environment.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'lethe-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A path in a folder that is removed after the test file. */
export const filePath = (name: string): string => join(folder, name);

/** Runs a command of the repository, such as `init`. */
export async function runCommand(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(process.execPath, [join(ROOT, `commands/${command}.ts`), ...args], {
      env: childEnvironment(variables),
      cwd: folder,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** Whether the formatter of this repository would leave the file as it is. */
export async function isFormatted(path: string): Promise<boolean> {
  try {
    await run(join(ROOT, 'node_modules/.bin/oxfmt'), ['--check', '-c', join(ROOT, '.oxfmtrc.json'), path], {
      cwd: folder,
    });
    return true;
  } catch {
    return false;
  }
}
