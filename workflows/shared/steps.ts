import { isCancellation } from '@temporalio/workflow';
import type { RequestFacts } from '../../activities/ledger.ts';
import type { AsOf, SystemKey } from '../../domain/ids.ts';
import type { Step } from '../../domain/vocabulary.ts';
import { hidingSystem, ledger, system, systemWaitForCancel } from './proxies.ts';
import { signalRequests } from './signal-requests.ts';
import type { TaskSet } from './task-set.ts';

/** The request, as its steps use it. */
export interface Request extends RequestFacts {
  readonly requestId: string;
}

/** The pause before a child workflow that cannot be started, or has failed, is started again. */
export const CHILD_RETRY = {
  ms: 10_000,
  summary: 'Pause of 10 seconds before the child workflow is started again',
} as const;

/**
 * Cancels the steps that wait for a system that is not configured any more, because no worker polls its queue, and returns
 * the request with the directory that its project has now.
 */
export function followConfiguration(
  request: Request,
  tasks: Pick<TaskSet, 'cancelOf' | 'cancelExcept'>,
  {
    directory = request.directory,
    missingSystems = [],
  }: { readonly directory?: string | undefined; readonly missingSystems?: readonly string[] | undefined },
): Request {
  const isMoved = directory !== request.directory;
  if (missingSystems.length > 0) tasks.cancelOf(missingSystems);
  if (isMoved) tasks.cancelExcept('resolve', []);
  if (isMoved || missingSystems.length > 0) tasks.cancelExcept('search', []);
  return isMoved ? { ...request, directory } : request;
}

/** Asks the directory for the subjects. */
export const resolveSubjects = (request: Request) =>
  withAttention(request, request.directory, 'resolve', async () => {
    const { project, directory, hidesSubjects } = request;
    const queue = hidesSubjects ? hidingSystem : system;
    const { requestsToSignal } = await queue(project, directory).resolveSubjects(activityInput(request, directory));
    await signalRequests(requestsToSignal);
  });

/** Asks every system about identities that the directory does not know. They become `not_found` if no system has data. */
export async function searchUnresolved(request: Request): Promise<void> {
  const names = await ledger.checkPinnedSystems(activityInput(request));
  // Waits for every search, so that none still runs after one has failed or all are cancelled.
  const searches = await Promise.allSettled(
    names.map((name) =>
      withAttention(request, name, 'resolve', () =>
        systemWaitForCancel(request.project, name).searchUnresolved(activityInput(request, name)),
      ),
    ),
  );
  for (const search of searches) if (search.status === 'rejected') throw search.reason;
  const areDone = searches.every((search) => search.status === 'fulfilled' && search.value === 'done');
  if (areDone) await signalRequests(await ledger.settleUnresolved(activityInput(request)));
}

/** Removes what every system keeps for the request. Returns whether all systems succeeded. */
export async function cleanUpSystems(request: Request): Promise<boolean> {
  const names = await ledger.checkPinnedSystems(activityInput(request));
  const results = await Promise.all(
    names.map((name) =>
      withAttention(request, name, 'conclude', () =>
        system(request.project, name).cleanUpSystem(activityInput(request, name)),
      ),
    ),
  );
  return results.every((result) => result === 'done');
}

/** Runs a step and defers it if it fails permanently: `attention` names it, and the rows decide when to retry. */
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

/** The input of every activity of a request. Activities that use only the ledger ignore `system`. */
export const activityInput = (
  { requestId, project }: Pick<Request, 'requestId' | 'project'>,
  name = '',
): SystemKey & AsOf => ({ requestId, project, system: name, asOf: Date.now() });
