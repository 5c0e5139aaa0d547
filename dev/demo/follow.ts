import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { Progress, Status, call } from './client.ts';
import type { Stack } from './stack.ts';

const STAGES = ['received', 'resolving', 'grace', 'deleting', 'verifying', 'completed'];
const FINAL_STATUSES = ['completed', 'not_found', 'partially_completed', 'cancelled', 'failed'];
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  received: 'stored; the API returned 202',
  resolving: 'finding the subjects and their other identities',
  grace: 'hidden in every system; can be cancelled',
  deleting: 'claimed: can no longer be cancelled',
  verifying: 'searching again for remaining rows, and once more after the settle period',
  completed: 'verified: no rows left; the receipt is ready',
};

interface Step {
  readonly status: string;
  readonly afterMs: number;
}

/** What a demo shows beside the stages. */
export interface Extras {
  /** Replace those of the stages. */
  readonly descriptions?: Readonly<Record<string, string>>;
  /** Returns what is shown below the stages, and what is printed once above them. */
  look?(): Promise<{ readonly lines: readonly string[]; readonly notices: readonly string[] }>;
}

/** Shows a request until it ends: a redrawn picture on a terminal, otherwise one line per status. */
export async function follow(stack: Stack, id: string, { look, descriptions }: Extras = {}): Promise<Status> {
  const out = process.stdout;
  const texts = { ...DESCRIPTIONS, ...descriptions };
  const began = Date.now();
  const steps: Step[] = [];
  let drawn = 0;
  for (;;) {
    stack.assertAlive();
    const request = await call(stack, Status, `/v1/requests/${id}`);
    const changed = isNew(request.status, steps);
    if (changed) steps.push({ status: request.status, afterMs: Date.now() - began });
    const ended = FINAL_STATUSES.includes(request.status);
    const { notices, lines: below } = (await look?.()) ?? { notices: [], lines: [] };
    if (notices.length > 0) {
      out.write(`${drawn > 0 ? `\u001b[${drawn}A\u001b[J` : ''}${notices.join('\n')}\n`);
      drawn = 0;
    }
    if (out.isTTY) {
      const work = ended ? '' : await describeWork(stack, id, request);
      const lines = [...drawStages(steps, work, Date.now() - began, out.columns, texts), ...below];
      out.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
      drawn = lines.length;
    } else if (changed) {
      out.write(`${seconds(Date.now() - began)}  ${request.status}: ${texts[request.status] ?? ''}\n`);
    }
    if (ended) return request;
    await sleep(150);
  }
}

/** Describes what the workflow waits for, or the activity that runs or is retried. */
async function describeWork(stack: Stack, id: string, { attention, hardDeleteAt, status }: Status): Promise<string> {
  const [entry] = attention;
  if (entry !== undefined) return `${entry.system} needs attention: ${entry.code}`;
  const leftMs = Date.parse(hardDeleteAt) - Date.now();
  if (status === 'grace' && leftMs > 0) return `deletion in ${seconds(leftMs).trim()}`;
  const { batches, live } = await call(stack, Progress, `/v1/requests/${id}/progress`);
  const rows = batches.reduce((total, { removed }) => total + (removed ?? 0), 0);
  const [activity] = live?.activities ?? [];
  if (status === 'deleting' && rows > 0) return `${rows} rows so far`;
  if (activity !== undefined && activity.attempt > 1) return `${activity.activity}, attempt ${activity.attempt}`;
  return live?.waitingFor ?? '';
}

/** Whether the status comes after the last one; a status that was skipped between two reads is drawn without a time. */
const isNew = (status: string, steps: readonly Step[]): boolean =>
  FINAL_STATUSES.includes(status) || STAGES.indexOf(status) > STAGES.indexOf(steps.at(-1)?.status ?? '');

export function drawStages(
  steps: readonly Step[],
  work: string,
  elapsedMs: number,
  columns: number,
  descriptions = DESCRIPTIONS,
): string[] {
  const now = steps.at(-1)?.status ?? '';
  const ended = FINAL_STATUSES.includes(now);
  const stages = ended && now !== 'completed' ? steps.map(({ status }) => status) : STAGES;
  const current = stages.indexOf(now);
  return stages.map((status, index) => {
    const name = status.padEnd(12);
    if (index > current) return paint('dim', `  ○ ${name}`);
    const step = steps.find((seen) => seen.status === status);
    const time = step === undefined ? '       ' : seconds(step.afterMs);
    const running = index === current && !ended;
    // Cut to the width: a wrapped line would be redrawn in the wrong place.
    const text = [descriptions[status], ...(running && work !== '' ? [work] : [])].join(' · ').slice(0, columns - 27);
    if (!running) return `  ${paint('green', '●')} ${name}${paint('dim', `${time}  ${text}`)}`;
    const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'[Math.floor(elapsedMs / 150) % 10] ?? '';
    return `  ${paint('cyan', spinner)} ${paint('bold', name)}${paint('dim', time)}  ${text}`;
  });
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1).padStart(5)} s`;

/** Colors the text unless stdout is no terminal or NO_COLOR is set. */
export const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout });
