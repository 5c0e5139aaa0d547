import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import type { RequestFacts } from '../../activities/ledger.ts';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import type { Step } from '../../domain/vocabulary.ts';
import { beforeClaim, ledger, processor, untilStopped } from '../shared/proxies.ts';
import type { processorDeletion } from './batch.ts';
import { wakeOthers } from '../shared/signal-requests.ts';

/** The request as its steps need it. */
export interface Request extends RequestFacts {
  readonly requestId: string;
}

/** The directory says who is meant. */
export const resolve = (request: Request) =>
  parked(request, request.directory, 'resolve', async () => {
    const { wake } = await processor(request.project, request.directory).resolveSubjects(
      at(request, request.directory),
    );
    await wakeOthers(wake);
  });

/** Whom the directory does not know, every processor is asked about; `not_found` is said only when all report nothing. */
export const lookForUnknown = (request: Request) =>
  parked(request, request.directory, 'resolve', async () => {
    const names = await ledger.checkFrozen(at(request));
    // None is left behind, when another is given up or all are called off.
    const looks = await Promise.allSettled(
      names.map((name) => untilStopped(request.project, name).lookForUnknown(at(request, name))),
    );
    for (const look of looks) if (look.status === 'rejected') throw look.reason;
    await wakeOthers(await ledger.concludeUnknown(at(request)));
  });

/** What a processor holds on those who are proposed. One that is not configured any more is for an operator, by `checkFrozen`. */
export async function countSubjects(request: Request, name: string): Promise<void> {
  const names = await ledger.checkFrozen(at(request));
  if (!names.includes(name)) return;
  await parked(request, name, 'resolve', () => untilStopped(request.project, name).countSubjects(at(request, name)));
}

/** The export that the claim waits for: a request of its own, which wakes this one. */
export const exportFirst = (request: Request) => ledger.beginBackup(at(request));

/** Hides or shows, whatever is newest. */
export const followVisibility = (request: Request, name: string) =>
  parked(request, name, 'visibility', () => processor(request.project, name).applyVisibility(at(request, name)));

/**
 * Immediately before the point of no return: who is covered, and who is meant, is asked once more. Whatever is in the
 * way by then stands in the rows, and the claim refuses by them.
 */
export async function claimWhatIsDue(request: Request): Promise<void> {
  const names = await ledger.checkFrozen(at(request));
  await Promise.all(names.map((name) => inspect(request, name)));
  await parked(request, request.directory, 'resolve', async () => {
    const { wake } = await beforeClaim(request.project, request.directory).resolveSubjects(
      at(request, request.directory),
    );
    await wakeOthers(wake);
    await ledger.claim(at(request));
  });
}

/** One claimed batch in one processor, to its verified end. One left over by a run that was terminated is waited out. */
export async function deleteInProcessor({ requestId, project }: Request, name: string, batch: number): Promise<void> {
  try {
    await executeChild<typeof processorDeletion>('processorDeletion', {
      workflowId: childWorkflowIdFor(requestId, name, batch),
      args: [{ requestId, project, processor: name, batch }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `batch ${batch} in ${name}`,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError))
      await ledger.parkBatch({ ...at({ requestId, project }, name), batch });
    await sleep('10 seconds');
  }
}

/** What processors kept for the request goes first; identities leave Lethe's own tables last (rule 14). */
export async function conclude(request: Request): Promise<void> {
  if (await tidyUp(request)) await ledger.conclude(at(request));
}

/** Whether every processor has let go of what it kept for the request. */
export async function tidyUp(request: Request): Promise<boolean> {
  const names = await ledger.checkFrozen(at(request));
  const tidied = names.map((name) =>
    parked(request, name, 'conclude', () => processor(request.project, name).concludeProcessor(at(request, name))),
  );
  const ends = await Promise.all(tidied);
  return ends.every((end) => end === 'done');
}

/** What is wrong is in the rows, written by the activity; one that cannot be reached now is inspected again before it deletes. */
async function inspect(request: Request, name: string): Promise<void> {
  try {
    await beforeClaim(request.project, name).inspectProcessor(at(request, name));
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

/** A step that was given up leaves word for an operator, and is tried again later by the rows. */
export async function parked(
  request: Request,
  name: string,
  step: Step,
  work: () => Promise<void>,
): Promise<'done' | 'parked'> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.parkStep({ ...at(request, name), step });
    return 'parked';
  }
}

export const at = ({ requestId, project }: { readonly requestId: string; readonly project: string }, name = '') => ({
  requestId,
  project,
  processor: name,
  asOf: Date.now(),
});
