import { setTimeout as sleep } from 'node:timers/promises';
import { Receipt, Subjects, accept, call, overdueDeletions } from './client.ts';
import { compare } from './compare.ts';
import { type Figures, figuresOf, sum } from './figures.ts';
import { follow, paint } from './follow.ts';
import type { Stack } from './stack.ts';
import { chooseSubjects } from './subjects.ts';

/** Housekeeping restarts a workflow that was lost with Temporal's state within two minutes. */
const RESUME_TIMEOUT_MS = 120_000;

export interface OpenDeletion {
  readonly id: string;
  readonly userIds: readonly string[];
  /** The rows of these users before the deletion. */
  readonly seeded: Figures;
}

/** Runs one deletion to its receipt. Returns whether the receipt equals what was seeded. */
export async function runDeletion(stack: Stack): Promise<boolean> {
  await finishInterrupted(stack);
  const { id, seeded } = await openDeletion(stack);
  await follow(stack, id);
  const receipt = await call(stack, Receipt, `/v1/requests/${id}/receipt`);
  await printOutcomes(stack, id, receipt.outcomes);
  const { lines, equal } = compare(receipt, seeded);
  for (const line of lines) console.log(line);
  const verdict = `the receipt ${equal ? 'equals' : 'does NOT equal'} what was seeded`;
  console.log(paint(['bold', equal ? 'green' : 'red'], `\n  ${equal ? '✓' : '✗'} ${verdict}`));
  return equal;
}

/** Chooses subjects, counts their rows, and requests their deletion at once. */
export async function openDeletion(stack: Stack, noteOfUnknown = 'unknown'): Promise<OpenDeletion> {
  const { userIds, identities } = await chooseSubjects(stack.demoUrl);
  const seeded = sum(await Promise.all(userIds.map((userId) => figuresOf(stack.demoUrl, userId))));
  const { id } = await accept(stack, {
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    subjects: { kind: 'user', identities: identities.map(({ type, value }) => ({ type, value })) },
    suppress: true,
    expedite: { when: 'now', reason: 'demo' },
  });
  console.log(`\nPOST /v1/requests → ${paint('bold', id)}, expedited: no grace period`);
  for (const { type, value, note } of identities)
    console.log(
      `  ${type.padEnd(12)} ${[value].flat().join(', ').padEnd(40)} ${paint('dim', note === 'unknown' ? noteOfUnknown : note)}`,
    );
  console.log('');
  return { id, userIds, seeded };
}

export async function printOutcomes(stack: Stack, id: string, counts: Readonly<Record<string, number>>): Promise<void> {
  const outcomes = Object.entries(counts)
    .toSorted(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`\nGET /v1/requests/${id}/receipt\n  identities: ${outcomes.join(', ')}`);
  const { items } = await call(stack, Subjects, `/v1/requests/${id}/subjects`);
  const withRetained = items.filter(({ outcome, retained }) => outcome === 'deleted' && retained.length > 0);
  console.log(`  ${withRetained.length} of the deleted identities have retained rows\n`);
}

/**
 * Waits for the deletion of a demo that was killed, because it still owns its subjects. `help` does what the deletions
 * wait for.
 */
export async function finishInterrupted(
  stack: Stack,
  help: (ids: readonly string[]) => Promise<void> = async () => undefined,
): Promise<void> {
  let interrupted = await overdueDeletions(stack);
  if (interrupted.length > 0) console.log(`  resumed      ${interrupted.join(', ')} of an interrupted demo`);
  for (const end = Date.now() + RESUME_TIMEOUT_MS; Date.now() < end; await sleep(500)) {
    stack.assertAlive();
    interrupted = await overdueDeletions(stack);
    if (interrupted.length === 0) return;
    await help(interrupted);
  }
}
