import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import type { ExportState } from '../../domain/request-state.ts';
import { LETHE } from '../../domain/vocabulary.ts';
import { countOf } from '../../domain/wording/format.ts';
import { archives, ledger } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { activityInput, CHILD_RETRY, cleanUpSystems, type Request, withAttention } from '../shared/steps.ts';
import type { collectFromSystem } from './collect-from-system.ts';

/** Collects one system in one epoch. A system that is no longer configured needs an operator. */
export async function collectSystem(
  request: Request,
  name: string,
  { epoch, subjects }: Pick<ExportState, 'epoch' | 'subjects'>,
): Promise<void> {
  const { requestId, project } = request;
  const names = await ledger.checkPinnedSystems(activityInput(request));
  if (!names.includes(name)) return;
  try {
    await executeChild<typeof collectFromSystem>('collectFromSystem', {
      workflowId: childWorkflowIdFor(requestId, name, epoch),
      args: [{ requestId, project, system: name, epoch }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `Collect ${countOf(subjects, 'subject')} from ${name} (epoch ${epoch})`,
      staticDetails: 'Reads every table at one point in time and stores it encrypted for the archive.',
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError))
      await ledger.deferStep({ ...activityInput(request, name), step: 'collect' });
    await sleep(CHILD_RETRY.ms, { summary: CHILD_RETRY.summary });
  }
}

/** Systems first remove the identities that they keep. The ledger purges its own when the archive is ready. */
export async function packageArchive(request: Request): Promise<void> {
  if (await cleanUpSystems(request))
    await withAttention(request, LETHE, 'package', () => archives.packageArchive(activityInput(request)));
}

/** Destroys the key of an expired archive. */
export const expireArchive = (request: Request) => ledger.expireArchive(activityInput(request));

/** Runs after the key is destroyed: removes the objects and, if no archive became ready, what systems keep. */
export async function conclude(request: Request): Promise<void> {
  const removed = await withAttention(request, LETHE, 'conclude', () =>
    archives.removeArchiveObjects(activityInput(request)),
  );
  if (removed === 'done' && (await cleanUpSystems(request)))
    await signalRequests(await ledger.concludeExport(activityInput(request)));
}
