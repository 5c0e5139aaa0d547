import { isCancellation } from '@temporalio/workflow';
import type { RequestFacts } from '../../activities/ledger.ts';
import type { AsOf, ProcessorKey } from '../../domain/ids.ts';
import type { Step } from '../../domain/vocabulary.ts';
import { ledger, processor, processorWaitForCancel } from './proxies.ts';
import { signalRequests } from './signal-requests.ts';

/** The request as its steps need it. */
export interface Request extends RequestFacts {
  readonly requestId: string;
}

/** Asks the directory for the subjects. */
export const resolveSubjects = (request: Request) =>
  withAttention(request, request.directory, 'resolve', async () => {
    const { project, directory } = request;
    const { requestsToSignal } = await processor(project, directory).resolveSubjects(activityInput(request, directory));
    await signalRequests(requestsToSignal);
  });

/** Asks every processor about identities that the directory does not know; `not_found` only if all of them hold nothing. */
export const searchUnresolved = (request: Request) =>
  withAttention(request, request.directory, 'resolve', async () => {
    const names = await ledger.checkPinnedProcessors(activityInput(request));
    // Waits for every search, so that none still runs after one has failed or all are cancelled.
    const searches = await Promise.allSettled(
      names.map((name) => processorWaitForCancel(request.project, name).searchUnresolved(activityInput(request, name))),
    );
    for (const search of searches) if (search.status === 'rejected') throw search.reason;
    await signalRequests(await ledger.settleUnresolved(activityInput(request)));
  });

/** Removes what every processor keeps for the request. Returns whether all of them have done so. */
export async function cleanUpProcessors(request: Request): Promise<boolean> {
  const names = await ledger.checkPinnedProcessors(activityInput(request));
  const results = await Promise.all(
    names.map((name) =>
      withAttention(request, name, 'conclude', () =>
        processor(request.project, name).concludeProcessor(activityInput(request, name)),
      ),
    ),
  );
  return results.every((result) => result === 'done');
}

/** Runs a step. Defers it when it fails for good: an operator sees it in `attention`, and the rows say when to retry. */
export async function withAttention(
  request: Request,
  name: string,
  step: Step,
  work: () => Promise<void>,
): Promise<'done' | 'deferred'> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.deferStep({ ...activityInput(request, name), step });
    return 'deferred';
  }
}

/** What every activity of a request takes; activities of the ledger alone need no processor. */
export const activityInput = (
  { requestId, project }: Pick<Request, 'requestId' | 'project'>,
  name = '',
): ProcessorKey & AsOf => ({ requestId, project, processor: name, asOf: Date.now() });
