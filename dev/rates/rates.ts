import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { readCommandLine, UsageError } from '../../config/command-line/command-line.ts';
import { runCommand } from '../../config/run-command.ts';
import { migrate } from '../../db/migrate.ts';
import type { Window } from '../../domain/retry/pace.ts';
import { freePort } from '../embedded/ports.ts';
import { startPostgres } from '../embedded/postgres/postgres.ts';
import { LANES } from './lanes.ts';

const COMMAND = {
  usage: ['npm run rates [-- --seconds N]'],
  summary: ['Call a local server from two processes as often as its lanes allow, and print what arrived there.'],
  options: { seconds: { type: 'string', default: '60', value: 'N', help: 'How long the processes call.' } },
  variables: {},
  examples: ['npm run rates', 'npm run rates -- --seconds 20'],
} as const;

/** How many calls the windows allow in this time. */
function allowedIn(windows: readonly Window[], durationMs: number): number {
  const times: number[] = [];
  for (;;) {
    const earliest = windows.map(({ calls, perMs }) => (times[times.length - calls] ?? -perMs) + perMs);
    const next = Math.max(times.at(-1) ?? 0, ...earliest);
    if (next >= durationMs) return times.length;
    times.push(next);
  }
}

/** The largest number of arrivals in any period of `perMs`. */
const mostIn = (arrivals: readonly number[], perMs: number): number =>
  Math.max(0, ...arrivals.map((end, index) => index + 1 - arrivals.findIndex((start) => start > end - perMs)));

function rowOf(lane: string, arrivals: readonly number[], durationMs: number): Record<string, string | number> {
  const windows = LANES[lane] ?? [];
  const gaps = arrivals.slice(1).map((time, index) => time - (arrivals[index] ?? 0));
  return {
    lane,
    windows: windows.map(({ calls, perMs }) => `${calls} per ${perMs / 1_000} s`).join(', '),
    calls: arrivals.length,
    'smallest gap (ms)': Math.min(...gaps).toFixed(1),
    'most in a window': windows.map(({ calls, perMs }) => `${mostIn(arrivals, perMs)} of ${calls}`).join(', '),
    'rate used': `${((100 * arrivals.length) / allowedIn(windows, durationMs)).toFixed(1)} %`,
  };
}

async function main(): Promise<number> {
  const seconds = Number(readCommandLine(COMMAND).values.seconds);
  if (!(seconds >= 5)) throw new UsageError(COMMAND, '--seconds needs a number of at least 5.');
  const arrivals = new Map<string, number[]>(Object.keys(LANES).map((lane) => [lane, []]));
  const server = createServer((call, answer) => {
    arrivals.get(call.url?.slice(1) ?? '')?.push(performance.now());
    answer.end();
  });
  const port = await freePort();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const postgres = await startPostgres();
  try {
    await migrate(postgres.url);
    const until = Date.now() + seconds * 1_000 + 1_000;
    const args = [postgres.url, `http://127.0.0.1:${port}`, String(until)];
    const callers = [1, 2].map(() => fork(new URL('./caller.ts', import.meta.url), args));
    await Promise.all(callers.map((caller) => once(caller, 'exit')));
  } finally {
    server.close();
    await postgres.stop();
  }
  const durationMs = seconds * 1_000;
  const rows = [...arrivals].map(([lane, times]) =>
    rowOf(
      lane,
      times.filter((time) => time <= (times[0] ?? 0) + durationMs),
      durationMs,
    ),
  );
  console.table(rows);
  const isKept = [...arrivals].every(([lane, times]) =>
    (LANES[lane] ?? []).every(({ calls, perMs }) => mostIn(times, perMs) <= calls),
  );
  return isKept ? 0 : 1;
}

await runCommand(main);
