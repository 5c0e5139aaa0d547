import { WorkflowClient } from '@temporalio/client';
import { projectOf } from '../../../activities/deps.ts';
import type { NewRequest } from '../../../db/requests/create.ts';
import { retrySystems } from '../../../db/attention/retry.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { placeHold, releaseHold } from '../../../db/holds/holds.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { buildReceipt } from '../../../db/deletion/receipt.ts';
import { hardDeleteAt } from '../../../domain/policy.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import type { Identity } from '../../../domain/identity.ts';
import { newId, workflowIdFor } from '../../../domain/ids.ts';
import { accept, KEYS, statusAt } from '../ledger.ts';
import type { World } from './world.ts';

/** Acts as a caller at the current time of the time-skipping server, with the same functions as the API. */
export async function submit(
  world: World,
  project: string,
  identities: readonly Identity[],
  changes: Partial<NewRequest> = {},
): Promise<string> {
  const at = await nowOf(world);
  const policy = policyOf(world, project);
  const due = new Date(hardDeleteAt(policy, at.getTime(), changes.expedite?.when ?? null));
  const requestId = await accept(world, identities, {
    project,
    receivedAt: at,
    dueAt: new Date(at.getTime() + 30 * DAY_MS),
    hardDeleteAt: due,
    ...changes,
  });
  await world.orchestrator.start(requestId);
  return requestId;
}

export async function cancel(world: World, requestId: string, positions: readonly number[] | 'all') {
  const { project } = await statusOf(world, requestId);
  const at = await nowOf(world);
  const { window } = policyOf(world, project);
  const done = await cancelRequest(world.database, window, { requestId, positions, actor: 'operator', at });
  await world.orchestrator.signalRequests(done.wake);
  return done;
}

export async function confirm(world: World, requestId: string, expectedCount: number) {
  const { project } = await statusOf(world, requestId);
  const at = await nowOf(world);
  const by = { memberId: 'another', role: 'owner' } as const;
  const asked = { requestId, expectedCount, acceptUnmatched: false, by, at };
  const done = await withProjectLock(world.database, project, (tx) =>
    confirmRequest(tx, projectOf(world.deps, project), asked),
  );
  await world.orchestrator.signalRequests(done.wake);
}

export async function hold(world: World, project: string, identities: readonly Identity[]) {
  const at = await nowOf(world);
  const id = newId('hold', at.getTime());
  const by = { caseRef: 'C-7', heldBy: 'counsel', actor: 'operator', at };
  const placed = await placeHold(world.database, KEYS, { id, project, kind: 'user', identities, ...by });
  await world.orchestrator.signalRequests(placed.wake);
  return { id, ...placed };
}

export async function release(world: World, project: string, id: string) {
  const at = await nowOf(world);
  const { wake } = await releaseHold(world.database, policyOf(world, project).window, { id, actor: 'operator', at });
  await world.orchestrator.signalRequests(wake);
}

export async function expedite(world: World, requestId: string, when: 'now' | 'next_run') {
  const { project } = await statusOf(world, requestId);
  const at = await nowOf(world);
  const by = { reason: 'the data subject asked', actor: 'operator', at };
  const done = await expediteRequest(world.database, projectOf(world.deps, project), {
    requestId,
    expedite: when,
    ...by,
  });
  await world.orchestrator.signalRequests(done.wake);
}

export async function retry(world: World, requestId: string) {
  const at = await nowOf(world);
  const { project } = await statusOf(world, requestId);
  const { stopped, wake } = await retrySystems(world.database, {
    requestId,
    system: null,
    reason: 'the system is fixed',
    actor: 'operator',
    at,
  });
  for (const system of stopped) await world.orchestrator.watchSystem(project, system);
  await world.orchestrator.signalRequests(wake);
}

const FIRST_POLL_MS = 20;
/** A status takes several statements, which slow down the work that the test waits for. */
const LAST_POLL_MS = 250;

/** Polls in real time, for conditions that become true without skipping time. Polls less often the longer it waits. */
export async function eventually(description: string, isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  for (let pause = FIRST_POLL_MS; Date.now() < end; pause = Math.min(pause * 1.3, LAST_POLL_MS)) {
    if (await isTrue()) return;
    await new Promise((done) => setTimeout(done, pause));
  }
  throw new Error(`timed out: ${description}`);
}

/** Skips time step by step until the condition is true. Each step leaves time for the work that is due in it. */
export async function skippingUntil(
  world: World,
  description: string,
  isTrue: () => Promise<boolean>,
  step: '10 minutes' | '1 day' = '10 minutes',
) {
  for (let tries = 0; tries < 400; tries++) {
    if (await isTrue()) return;
    await world.env.sleep(step);
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error(`timed out: ${description}`);
}

export const ended = (world: World, requestId: string) =>
  world.env.client.workflow.getHandle(workflowIdFor(requestId)).result();
/** Waits for the end in real time. After a cancellation, the time-skipping server may skip past work that is being cancelled. */
export const endedInRealTime = (world: World, requestId: string): Promise<string> =>
  new WorkflowClient({ connection: world.env.connection }).getHandle(workflowIdFor(requestId)).result();
export const nowOf = async (world: World): Promise<Date> => new Date(await world.env.currentTimeMs());
export const statusOf = async (world: World, requestId: string) =>
  statusAt(world.database, requestId, await nowOf(world));
export const receiptOf = (world: World, requestId: string) => buildReceipt(world.database, requestId);

/** Skips time until the given timestamp. */
export async function sleepUntil(world: World, timestamp: Date): Promise<void> {
  await world.env.sleep(Math.max(1, timestamp.getTime() - (await world.env.currentTimeMs())));
}

export function policyOf({ deps }: World, project: string) {
  const policy = deps.catalog.get(project)?.policy;
  if (policy === undefined) throw new Error('no such project');
  return policy;
}
