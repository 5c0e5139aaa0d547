import type { Progress } from '../client.ts';
import { paint } from '../follow.ts';

/** What the systems themselves say. */
export interface Facts {
  readonly mixpanelTask: string | null;
  readonly userpilot: { readonly now: Date; readonly isRunDue: boolean };
  /** The open task of the partner, and how soon the demo answers it. */
  readonly task: { readonly dueAt: string; readonly answerInMs: number } | null;
}

export interface Row {
  readonly system: string;
  readonly state: string;
  readonly isDone: boolean;
  readonly waitsFor: string;
  /** Changes all the time, so that only a terminal shows it. */
  readonly momentary: string;
}

export const SYSTEMS = ['app', 'mixpanel', 'userpilot', 'partner'] as const;
type System = (typeof SYSTEMS)[number];

/** The words for the states of work. Those of other states are the states. */
const WORDS: Readonly<Record<string, string>> = {
  pending: 'claimed',
  verified: 'deleted, read',
  attested: 'deleted, it says',
  unverified: 'asked, no proof',
};
const DONE = ['verified', 'attested', 'unverified', 'skipped'];

export const describeSystems = ({ batches, live }: Progress, facts: Facts): readonly Row[] =>
  SYSTEMS.map((system) => {
    const batch = batches.find((each) => each.system === system);
    if (batch === undefined) return { system, state: '', isDone: false, waitsFor: 'the claim', momentary: '' };
    const isDone = DONE.includes(batch.state);
    const isRunning = live?.activities.some((activity) => activity.system === system) === true;
    const state = system === 'partner' && batch.state === 'attested' ? 'deleted, a person says' : batch.state;
    const words = WORDS[state] ?? state;
    const rows = batch.removed === null || batch.removed === 0 ? '' : ` (${batch.removed} rows)`;
    return {
      system,
      state: `${words}${rows}`,
      isDone,
      ...waitOf(system, { state: batch.state, isDone, isRunning }, facts),
    };
  });

function waitOf(
  system: System,
  { state, isDone, isRunning }: { readonly state: string; readonly isDone: boolean; readonly isRunning: boolean },
  { mixpanelTask, userpilot, task }: Facts,
): Pick<Row, 'waitsFor' | 'momentary'> {
  if (system === 'userpilot' && isDone && userpilot.isRunDue)
    return { waitsFor: 'its run at 02:00, which it does not report', momentary: `now ${timeOf(userpilot.now)}` };
  if (isDone) return { waitsFor: '', momentary: '' };
  if (state === 'verifying' && !isRunning)
    return { waitsFor: 'the settle period, then the last search', momentary: '' };
  if (system === 'mixpanel' && mixpanelTask !== null)
    return { waitsFor: `the task in Mixpanel, which is ${mixpanelTask}`, momentary: '' };
  if (system === 'partner' && task !== null) {
    const seconds = Math.max(0, Math.ceil(task.answerInMs / 1_000));
    return { waitsFor: `a person, until ${task.dueAt.slice(0, 10)}`, momentary: `the demo answers in ${seconds} s` };
  }
  return { waitsFor: '', momentary: isRunning ? 'its answer' : 'its turn' };
}

const timeOf = (date: Date): string => date.toISOString().slice(11, 16);

/** Cut to the width: a wrapped line would be redrawn in the wrong place. */
export const drawBoard = (rows: readonly Row[], columns: number): readonly string[] => [
  '',
  paint('dim', `    ${'system'.padEnd(11)}${'state'.padEnd(27)}waits for`.slice(0, columns - 1)),
  ...rows.map(({ system, state, isDone, waitsFor, momentary }) => {
    const mark = isDone ? paint('green', '●') : paint('cyan', '◌');
    const wait = [waitsFor, momentary].filter((text) => text !== '').join(' · ');
    return `  ${mark} ${`${system.padEnd(11)}${state.padEnd(27)}${wait}`.slice(0, columns - 5)}`;
  }),
];
