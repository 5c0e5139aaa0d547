import { setTimeout as sleep } from 'node:timers/promises';
import { call, Progress } from '../client.ts';
import { finishInterrupted, openDeletion, type OpenDeletion, printOutcomes } from '../deletion.ts';
import { figuresOf, sum } from '../figures.ts';
import { type Extras, follow, paint } from '../follow.ts';
import type { Stack } from '../stack.ts';
import { describeSystems, drawBoard, type Row } from './board.ts';
import { compareSystems, SystemsReceipt } from './proof.ts';
import type { StandIns } from './stand-ins.ts';
import { doTask, explainTask, openTasks, type Task } from './task.ts';

/** Longer than a day of Userpilot's clock. */
const RUN_TIMEOUT_MS = 60_000;

const DESCRIPTIONS = {
  grace: 'hidden in app, the only system that can hide; can be cancelled',
  verifying: 'searching where Lethe can read, and once more after the settle period',
  completed: 'each system is done with its level of proof; the receipt is ready',
};

/** Runs one deletion through all systems. Returns whether each system holds what the receipt says. */
export async function runThroughSystems(
  stack: Stack,
  standIns: StandIns,
  { answerAfterMs }: { readonly answerAfterMs: number },
): Promise<boolean> {
  await finishInterrupted(stack, async (ids) => {
    for (const id of ids) for (const task of await openTasks(stack, id)) await doTask(stack, standIns, task);
  });
  await waitForUserpilot(stack, standIns);
  const before = standIns.present();
  const deletion = await openDeletion(stack, 'unknown to app; the others are asked all the same');
  const { id, userIds, seeded } = deletion;
  const person = createPerson(stack, standIns, answerAfterMs);
  await follow(stack, id, { descriptions: DESCRIPTIONS, look: createBoard({ stack, standIns, deletion, person }) });
  const receipt = await call(stack, SystemsReceipt, `/v1/requests/${id}/receipt`);
  await printOutcomes(stack, id, receipt.outcomes);
  if (standIns.userpilotClock().isRunDue) {
    console.log(
      paint('dim', '  Userpilot reports nothing, so the demo waits for its run at 02:00 and looks there itself …\n'),
    );
    await waitForUserpilot(stack, standIns);
  }
  const remaining = sum(await Promise.all(userIds.map((userId) => figuresOf(stack.demoUrl, userId))));
  const after = standIns.present();
  const truth = { userIds, seeded, remaining, before, after, isPartnerUnknown: person.wasFaster() };
  const { lines, equal } = compareSystems(receipt, truth);
  for (const line of lines) console.log(line);
  const verdict = equal
    ? 'each system holds what the receipt says, and all other people are untouched'
    : 'a system does NOT hold what the receipt says';
  console.log(paint(['bold', equal ? 'green' : 'red'], `\n  ${equal ? '✓' : '✗'} ${verdict}`));
  return equal;
}

async function waitForUserpilot(stack: Stack, standIns: StandIns): Promise<void> {
  for (const end = Date.now() + RUN_TIMEOUT_MS; standIns.userpilotClock().isRunDue; await sleep(200)) {
    stack.assertAlive();
    if (Date.now() > end) throw new Error('the server that stands in for Userpilot has not deleted within a day');
  }
}

/** The person who does the tasks of the partner: the viewer, or the demo after the time. */
function createPerson(stack: Stack, standIns: StandIns, answerAfterMs: number) {
  const answerAt = new Map<string, number>();
  const done = new Set<string>();
  return {
    /** Returns the open task, and what to tell about it. */
    async look(requestId: string): Promise<{ task: (Task & { answerInMs: number }) | null; notices: string[] }> {
      const notices: string[] = [];
      for (const task of await openTasks(stack, requestId)) {
        const at = answerAt.get(task.id) ?? Date.now() + answerAfterMs;
        if (!answerAt.has(task.id)) notices.push(...explainTask(task, stack.environmentFile, answerAfterMs));
        answerAt.set(task.id, at);
        const answerInMs = at - Date.now();
        if (answerInMs > 0) return { task: { ...task, answerInMs }, notices };
        await doTask(stack, standIns, task);
        done.add(task.id);
        notices.push('The demo was the person: it deleted them at the partner and called POST $TASK/done.\n');
      }
      return { task: null, notices };
    },
    wasFaster: () => [...answerAt.keys()].some((id) => !done.has(id)),
  };
}

/** On a terminal the board is redrawn. Otherwise each change of a system is a line. */
function createBoard({
  stack,
  standIns,
  deletion: { id, userIds },
  person,
}: {
  readonly stack: Stack;
  readonly standIns: StandIns;
  readonly deletion: OpenDeletion;
  readonly person: ReturnType<typeof createPerson>;
}): NonNullable<Extras['look']> {
  const out = process.stdout;
  const shown = new Map<string, string>();
  const changes = (rows: readonly Row[]): string[] =>
    rows.flatMap(({ system, state, waitsFor }) => {
      const text = [state, waitsFor === '' ? '' : `waits for ${waitsFor}`].filter((part) => part !== '').join(', ');
      if (text === '' || shown.get(system) === text) return [];
      shown.set(system, text);
      return [`           ${system}: ${text}`];
    });
  return async () => {
    const { task, notices } = await person.look(id);
    const progress = await call(stack, Progress, `/v1/requests/${id}/progress`);
    const facts = { mixpanelTask: standIns.mixpanelTask(userIds), userpilot: standIns.userpilotClock(), task };
    const rows = describeSystems(progress, facts);
    if (!out.isTTY) return { lines: [], notices: [...changes(rows), ...notices] };
    return { lines: drawBoard(rows, out.columns), notices };
  };
}
