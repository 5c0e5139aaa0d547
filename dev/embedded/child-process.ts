import { spawn } from 'node:child_process';
import { fstatSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { User } from './postgres/unprivileged.ts';

/**
 * The server lives as long as our end of the shell's stdin: stop(), an exit and any signal, even SIGKILL, end it.
 * SIGPIPE is ignored only after the server was started, because a server would inherit it.
 */
const SCRIPT = `soft=$1 hard=$2 rm=$3; shift 3; exec 3<&0
"$@" </dev/null 3<&- >&2 & p=$!
trap '' PIPE; echo $p; exec >&2
(read _ <&3; kill -$soft $p; i=0
 while kill -0 $p && [ $i -lt 150 ]; do sleep 0.1; i=$((i+1)); done; kill -$hard $p) 2>/dev/null & w=$!
wait $p; s=$?; kill $w 2>/dev/null; [ -z "$rm" ] || rm -rf "$rm"; exit $s`;

export interface Order {
  command: string;
  args: string[];
  /** Asks the server to end; after 15 s the second one is sent. */
  signals: [soft: string, hard: string];
  logFile: string;
  /** A folder to be removed once the server has ended, however it ended. */
  remove?: string | undefined;
  user?: User;
  env?: Record<string, string>;
}

export interface Supervised {
  readonly pid: number;
  ended(): boolean;
  /** Null while it runs, and where a signal ended it. */
  exitCode(): number | null;
  /** What the server has logged since this start. */
  log(): string;
  stop(): Promise<void>;
}

export async function supervise(order: Order): Promise<Supervised> {
  const { command, args, signals, logFile, remove = '', user = {}, env = {} } = order;
  const log = openSync(logFile, 'a+');
  const start = fstatSync(log).size;
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'lethe-dev', ...signals, remove, command, ...args], {
    ...user,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', log],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('a process without the pipes that were asked for');
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  stdin.on('error', () => {}); // the shell may be gone before we say goodbye

  const pid = await Promise.race([firstLine(stdout), gone.then(() => undefined)]);
  if (pid === undefined) throw new Error(`${command} could not be started`);
  stdout.destroy();
  child.unref();

  return {
    pid: Number(pid),
    ended: () => child.exitCode !== null || child.signalCode !== null,
    exitCode: () => child.exitCode,
    log: () => readFrom(log, start),
    stop: async () => {
      child.ref();
      stdin.end();
      await gone;
    },
  };
}

async function firstLine(stream: Readable): Promise<string | undefined> {
  for await (const line of createInterface({ input: stream })) return line;
  return undefined;
}

/** By its descriptor: the file of a server that was to be thrown away is gone as soon as the server is. */
function readFrom(file: number, start: number): string {
  const text = Buffer.alloc(fstatSync(file).size - start);
  readSync(file, text, 0, text.length, start);
  return text.toString('utf8').trim();
}
