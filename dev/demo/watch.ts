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
    const changed = steps.at(-1)?.status !== now.status;
    if (changed) steps.push({ status: now.status, afterMs: Date.now() - began });
    const ended = ENDS.includes(now.status);
    if (out.isTTY) {
      const doing = ended ? '' : await doingOf(stack, id, now);
      const lines = picture(steps, now, doing, Date.now() - began).map((line) => line.slice(0, out.columns + 20));
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
  if (trouble !== undefined) return `${trouble.processor} needs attention: ${trouble.code}`;
  const leftMs = Date.parse(hardDeleteAt) - Date.now();
  if (status === 'grace' && leftMs > 0) return `deletion in ${seconds(leftMs).trim()}`;
  const { batches, live } = await call(stack, Progress, `/v1/requests/${id}/progress`);
  const rows = batches.reduce((total, { removed }) => total + removed, 0);
  const [activity] = live?.activities ?? [];
  if (status === 'deleting' && rows > 0) return `${rows} rows so far`;
  if (activity !== undefined && activity.attempt > 1) return `${activity.activity}, attempt ${activity.attempt}`;
  return live?.waitingFor ?? '';
}

export function picture(steps: readonly Step[], now: Status, doing: string, elapsedMs: number): string[] {
  const ended = ENDS.includes(now.status);
  const path = ended && now.status !== 'completed' ? steps.map(({ status }) => status) : PATH;
  const at = path.indexOf(now.status);
  return path.map((status, index) => {
    const step = steps.find((seen) => seen.status === status);
    const meaning = MEANING[status] ?? '';
    if (index > at) return paint('dim', `  ○ ${status.padEnd(12)}`);
    const time = seconds(step?.afterMs ?? 0);
    if (index < at || ended)
      return `  ${paint('green', '●')} ${status.padEnd(12)}${paint('dim', `${time}  ${meaning}`)}`;
    const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'[Math.floor(elapsedMs / 150) % 10] ?? '';
    const detail = doing === '' ? meaning : `${meaning} · ${doing}`;
    return `  ${paint('cyan', spinner)} ${paint('bold', status.padEnd(12))}${paint('dim', time)}  ${detail}`;
  });
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1).padStart(5)} s`;

/** Colours only on a terminal that wants them: NO_COLOR and the like are known to styleText. */
export const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout });
