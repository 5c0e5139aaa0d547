import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import { countOf } from '../../domain/wording/format.ts';
import { hidingSystem, ledger, system, systemShortTimeout, systemWaitForCancel } from '../shared/proxies.ts';
import { CHILD_PRIORITY } from '../shared/messages.ts';
import { signalRequests, signalWorkflow } from '../shared/signal-requests.ts';
import { activityInput, CHILD_RETRY, cleanUpSystems, type Request, withAttention } from '../shared/steps.ts';
import type { deleteFromSystem } from './delete-from-system.ts';

/** Counts the rows that a system holds on the proposed subjects. The rows name no system that is not configured any more. */
export const countSubjects = (request: Request, name: string) =>
  withAttention(request, name, 'resolve', () =>
    systemWaitForCancel(request.project, name).countSubjects(activityInput(request, name)),
  );

/** Starts the export that the claim waits for: a request of its own, which signals this one. */
export const startBackup = (request: Request) => ledger.startBackup(activityInput(request));

/** Hides and restores subjects in one system until it has the newest visibility. */
export const syncVisibility = (request: Request, name: string) =>
  withAttention(request, name, 'visibility', () =>
    hidingSystem(request.project, name).applyVisibility(activityInput(request, name)),
  );

/**
 * Inspects every system and resolves the subjects again immediately before the point of no return. Both write obstacles to
 * the rows, and the claim then claims no subject. Returns how many due subjects the quota leaves for the next run.
 */
export async function claimSubjects(request: Request): Promise<number> {
  const { project, directory } = request;
  const names = await ledger.checkPinnedSystems(activityInput(request));
  await Promise.all(names.map((name) => inspectSystem(request, name)));
  let leftForNextRun = 0;
  await withAttention(request, directory, 'resolve', async () => {
    const resolved = await systemShortTimeout(project, directory).resolveSubjects(activityInput(request, directory));
    await signalRequests(resolved.requestsToSignal);
    ({ leftForNextRun } = await ledger.claimSubjects(activityInput(request)));
  });
  return leftForNextRun;
}

/** The activity writes its findings to the rows. A system that is unreachable now is inspected again before it deletes. */
async function inspectSystem(request: Request, name: string): Promise<void> {
  try {
    await systemShortTimeout(request.project, name).inspectSystem(activityInput(request, name));
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

/** Deletes one claimed batch from one system and verifies it. Waits while a child of a terminated run still works on it. */
export async function deleteBatch(
  request: Request,
  { system: name, batch, subjects }: DeletionState['openBatches'][number],
): Promise<void> {
  const { requestId, project } = request;
  const key = { requestId, project, system: name, batch };
  try {
    await executeChild<typeof deleteFromSystem>('deleteFromSystem', {
      workflowId: childWorkflowIdFor(requestId, name, batch),
      args: [key],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      priority: CHILD_PRIORITY,
      staticSummary: `Delete ${countOf(subjects, 'subject')} from ${name} (batch ${batch})`,
      staticDetails: 'Deletes the rows, verifies, and verifies again after the settle period.',
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) await ledger.deferBatch({ ...key, asOf: Date.now() });
    await sleep(CHILD_RETRY.ms, { summary: CHILD_RETRY.summary });
  }
}

/** Makes the child of a batch read its rows while it waits, because an operator has retried its blocked subjects. */
export const wakeBatch = ({ requestId }: Request, batch: DeletionState['openBatches'][number]) =>
  signalWorkflow(childWorkflowIdFor(requestId, batch.system, batch.batch));

/** Stores the suppressions that deleted subjects leave. Every system then has to place them. */
export const openSuppressions = (request: Request) => ledger.openSuppressions(activityInput(request));

/** Places the suppressions of the request that the system lacks. */
export const placeSuppressions = (request: Request, name: string) =>
  withAttention(request, name, 'suppress', () =>
    system(request.project, name).placeSuppressions(activityInput(request, name)),
  );

/** Erases the identities of finished subjects from the ledger. */
export const purgeSubjects = (request: Request) => ledger.purgeSubjects(activityInput(request));

/** Erases the identities of purged subjects from a system. */
export const purgeSystem = (request: Request, name: string) =>
  withAttention(request, name, 'conclude', () =>
    system(request.project, name).purgeSystem(activityInput(request, name)),
  );

/** Systems first remove what they keep for the request. Then the ledger purges the identities (rule 14). */
export async function conclude(request: Request): Promise<void> {
  if (await cleanUpSystems(request)) await ledger.concludeDeletion(activityInput(request));
}
