import { checkFrozen } from '../db/deletion/check-processors.ts';
import { cancelSubjects } from '../db/requests/cancel.ts';
import { type BatchWork, nextStep, readBatchWork } from '../db/deletion/batches.ts';
import { claim } from '../db/deletion/claim.ts';
import { conclude } from '../db/deletion/conclude.ts';
import { look } from '../db/deletion/reconcile.ts';
import { parkBatch, parkStep } from '../db/attention/defer.ts';
import { readRequestRow } from '../db/requests/row.ts';
import { readUntold, suppressionTold } from '../db/suppressions/propagate.ts';
import { concludeUnknown } from '../db/subjects/unresolved.ts';
import type { NextStep } from '../domain/batch.ts';
import { type Project, processorsFor } from '../domain/catalog.ts';
import { DomainError } from '../domain/errors.ts';
import type { View } from '../domain/request-state.ts';
import type { Step, SubjectKind } from '../domain/vocabulary.ts';
import { type ActivityDeps, projectOf } from './deps.ts';

/** Which request, at which instant of the workflow's clock (epoch milliseconds). */
export interface At {
  readonly requestId: string;
  readonly asOf: number;
}
export interface StepAt extends At {
  readonly project: string;
  readonly processor: string;
}
export interface BatchAt extends StepAt {
  readonly batch: number;
}

/** What a workflow knows of its request from the start; nothing of it changes later. */
export interface RequestFacts {
  readonly project: string;
  readonly subjectKind: SubjectKind;
  readonly directory: string;
  readonly dueAt: number;
  readonly resolved: boolean;
  readonly submitted: number;
}

/** Steps that speak to Lethe's own database alone. */
export const ledgerActivities = (deps: ActivityDeps) => ({
  async readRequest({ requestId }: { readonly requestId: string }): Promise<RequestFacts> {
    const { project, subjectKind, dueAt, resolvedAt, submitted } = await readRequestRow(deps.database, requestId);
    const { directory } = projectOf(deps, project);
    return { project, subjectKind, directory, dueAt: dueAt.getTime(), resolved: resolvedAt !== null, submitted };
  },

  async look({ requestId, asOf }: At): Promise<View> {
    const { window } = (await projectOfRequest(deps, requestId)).policy;
    return look(deps.database, { requestId, asOf: new Date(asOf), window });
  },

  /** Names the frozen processors that are configured here and can be inspected. */
  async checkFrozen({ requestId, asOf }: At): Promise<readonly string[]> {
    const { project, subjectKind } = await readRequestRow(deps.database, requestId);
    const configured: Record<string, string> = {};
    for (const { name, dataMapHash } of processorsFor(projectOf(deps, project), subjectKind))
      configured[name] = dataMapHash;
    return checkFrozen(deps.database, { requestId, configured, at: new Date(asOf) });
  },

  async claim({ requestId, asOf }: At): Promise<{ claimed: number }> {
    const { policy } = await projectOfRequest(deps, requestId);
    const { claimed, wake } = await claim(deps.database, policy, { requestId, asOf: new Date(asOf) });
    await deps.starter.wake(wake);
    return { claimed };
  },

  async concludeUnknown({ requestId, asOf }: At): Promise<readonly string[]> {
    const { name } = await projectOfRequest(deps, requestId);
    return concludeUnknown(deps.database, name, requestId, new Date(asOf));
  },

  async resumeBatch({ asOf, ...key }: BatchAt): Promise<NextStep> {
    const work: BatchWork = await readBatchWork(deps.database, key);
    return nextStep(work, asOf, projectOf(deps, work.project).policy.settleMs);
  },

  parkStep: ({ asOf, ...key }: StepAt & { readonly step: Step }) =>
    parkStep(deps.database, { ...key, batch: 0 }, new Date(asOf)),

  parkBatch: ({ asOf, ...key }: BatchAt) => parkBatch(deps.database, { ...key, step: 'delete' }, new Date(asOf)),

  conclude: ({ requestId, asOf }: At) => conclude(deps.database, { requestId, at: new Date(asOf) }),

  /** The cancel button of Temporal's UI is a cancellation like any other. */
  async cancelByOperator({ requestId, asOf }: At): Promise<void> {
    const { window } = (await projectOfRequest(deps, requestId)).policy;
    try {
      await cancelSubjects(deps.database, window, {
        requestId,
        positions: 'all',
        actor: 'temporal',
        at: new Date(asOf),
      });
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'too_late')) throw error;
    }
  },

  /** Which processors are to be told of a suppression; none when all know. */
  async untoldProcessors({ suppressionId }: { readonly suppressionId: string }) {
    const untold = await readUntold(deps.database, suppressionId);
    if (untold === null) return null;
    const processors = processorsFor(projectOf(deps, untold.project), untold.kind).map(({ name }) => name);
    return { project: untold.project, suppressed: untold.suppressed, processors };
  },

  suppressionTold: ({
    suppressionId,
    suppressed,
    asOf,
  }: {
    readonly suppressionId: string;
    readonly suppressed: boolean;
    readonly asOf: number;
  }) => suppressionTold(deps.database, suppressionId, { suppressed, at: new Date(asOf) }),
});

async function projectOfRequest(deps: ActivityDeps, requestId: string): Promise<Project> {
  const { project } = await readRequestRow(deps.database, requestId);
  return projectOf(deps, project);
}
