import { spawn } from 'node:child_process';
import { fstatSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { User } from './postgres/unprivileged.ts';

/**
 * Stops the server when the shell's stdin closes, which `stop()`, an exit or any signal to this process causes, even
 * SIGKILL. The shell ignores SIGPIPE only after the start of the server, because the server would inherit that.
 */
const SCRIPT = `soft=$1 hard=$2 rm=$3; shift 3; exec 3<&0
"$@" </dev/null 3<&- >&2 & p=$!
trap '' PIPE; echo $p; exec >&2
(read _ <&3; kill -$soft $p; i=0
 while kill -0 $p && [ $i -lt 150 ]; do sleep 0.1; i=$((i+1)); done; kill -$hard $p) 2>/dev/null & w=$!
wait $p; s=$?; kill $w 2>/dev/null; [ -z "$rm" ] || rm -rf "$rm"; exit $s`;

export interface ServerCommand {
  program: string;
  args: string[];
  /** The first signal asks the server to stop. The second one follows after 15 seconds. */
  signals: [soft: string, hard: string];
  logFile: string;
  /** A folder that is removed after the server has stopped, for any reason. */
  remove?: string | undefined;
  user?: User;
  env?: Record<string, string>;
}

export interface ServerProcess {
  readonly pid: number;
  hasExited(): boolean;
  /** Null while the server runs, or after a signal stopped it. */
  exitCode(): number | null;
  /** The log of the server since this start. */
  log(): string;
  stop(): Promise<void>;
}

export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const { program, args, signals, logFile, remove = '', user = {}, env = {} } = command;
  const log = openSync(logFile, 'a+');
  const start = fstatSync(log).size;
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'lethe-dev', ...signals, remove, program, ...args], {
    ...user,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...env,
    },
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', log],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the process has no stdin or stdout');
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  stdin.on('error', () => {}); // The shell may have exited before `stop` closes its stdin.

  const pid = await Promise.race([firstLine(stdout), exited.then(() => undefined)]);
  if (pid === undefined) throw new Error(`${program} could not be started`);
  stdout.destroy();
  child.unref();

  return {
    pid: Number(pid),
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    exitCode: () => child.exitCode,
    log: () => readFrom(log, start),
    stop: async () => {
      child.ref();
      stdin.end();
      await exited;
    },
  };
}

async function firstLine(stream: Readable): Promise<string | undefined> {
  for await (const line of createInterface({ input: stream })) return line;
  return undefined;
}

/** Reads by descriptor, because a temporary server's log file is removed when the server stops. */
function readFrom(file: number, start: number): string {
  const text = Buffer.alloc(fstatSync(file).size - start);
  readSync(file, text, 0, text.length, start);
  return text.toString('utf8').trim();
}
