import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { Progress, Status, call } from './client.ts';
import type { Stack } from './stack.ts';

const PATH = ['received', 'resolving', 'grace', 'deleting', 'verifying', 'completed'];
const ENDS = ['completed', 'not_found', 'partially_completed', 'cancelled', 'failed'];
const MEANING: Readonly<Record<string, string>> = {
  received: 'stored, and answered with 202',
  resolving: 'whose identities these are, and what else they are called',
  grace: 'hidden everywhere, still to be had back',
  deleting: 'past the point of no return',
  verifying: 'looked for again, and once more after the settle time',
  completed: 'not found any more: here is the receipt',
};

interface Step {
  readonly status: string;
  readonly afterMs: number;
}

/** Follows a request to its end: a redrawn picture on a terminal, a line per change elsewhere. */
export async function watch(stack: Stack, id: string): Promise<Status> {
  const out = process.stdout;
  const began = Date.now();
  const steps: Step[] = [];
  let drawn = 0;
  for (;;) {
    stack.assertAlive();
    const now = await call(stack, Status, `/v1/requests/${id}`);
    const changed = isNew(now.status, steps);
    if (changed) steps.push({ status: now.status, afterMs: Date.now() - began });
    const ended = ENDS.includes(now.status);
    if (out.isTTY) {
      const doing = ended ? '' : await doingOf(stack, id, now);
      const lines = picture(steps, doing, Date.now() - began, out.columns);
      out.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
      drawn = lines.length;
    } else if (changed) {
      out.write(`${seconds(Date.now() - began)}  ${now.status}: ${MEANING[now.status] ?? ''}\n`);
    }
    if (ended) return now;
    await sleep(150);
  }
}

/** What Temporal knows besides: the wait of the workflow and the activities that run or will be tried again. */
async function doingOf(stack: Stack, id: string, { attention, hardDeleteAt, status }: Status): Promise<string> {
  const [trouble] = attention;
  if (trouble !== undefined) return `${trouble.system} needs attention: ${trouble.code}`;
  const leftMs = Date.parse(hardDeleteAt) - Date.now();
  if (status === 'grace' && leftMs > 0) return `deletion in ${seconds(leftMs).trim()}`;
  const { batches, live } = await call(stack, Progress, `/v1/requests/${id}/progress`);
  const rows = batches.reduce((total, { removed }) => total + removed, 0);
  const [activity] = live?.activities ?? [];
  if (status === 'deleting' && rows > 0) return `${rows} rows so far`;
  if (activity !== undefined && activity.attempt > 1) return `${activity.activity}, attempt ${activity.attempt}`;
  return live?.waitingFor ?? '';
}

/** A status is drawn where it stands in the path; one that was too short to be seen has no time. */
const isNew = (status: string, steps: readonly Step[]): boolean =>
  ENDS.includes(status) || PATH.indexOf(status) > PATH.indexOf(steps.at(-1)?.status ?? '');

export function picture(steps: readonly Step[], doing: string, elapsedMs: number, columns: number): string[] {
  const now = steps.at(-1)?.status ?? '';
  const ended = ENDS.includes(now);
  const path = ended && now !== 'completed' ? steps.map(({ status }) => status) : PATH;
  const at = path.indexOf(now);
  return path.map((status, index) => {
    const name = status.padEnd(12);
    if (index > at) return paint('dim', `  ○ ${name}`);
    const step = steps.find((seen) => seen.status === status);
    const time = step === undefined ? '       ' : seconds(step.afterMs);
    const running = index === at && !ended;
    // A line that wraps would be redrawn in the wrong place.
    const text = [MEANING[status], ...(running && doing !== '' ? [doing] : [])].join(' · ').slice(0, columns - 27);
    if (!running) return `  ${paint('green', '●')} ${name}${paint('dim', `${time}  ${text}`)}`;
    const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'[Math.floor(elapsedMs / 150) % 10] ?? '';
    return `  ${paint('cyan', spinner)} ${paint('bold', name)}${paint('dim', time)}  ${text}`;
  });
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1).padStart(5)} s`;

/** Colours only on a terminal that wants them: NO_COLOR and the like are known to styleText. */
export const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout });
