import { checkPinnedSystems } from '../db/deletion/check-systems.ts';
import { cancelRequest } from '../db/requests/cancel.ts';
import { type BatchWork, nextStep, readBatchWork } from '../db/deletion/batches.ts';
import { claim } from '../db/deletion/claim.ts';
import { conclude } from '../db/deletion/conclude.ts';
import { reconcileDeletion } from '../db/deletion/reconcile.ts';
import { deferBatch, deferStep } from '../db/attention/defer.ts';
import { startBackup } from '../db/backups/start.ts';
import { hidesSubjects, readRequestRow } from '../db/requests/row.ts';
import { openSuppressions } from '../db/suppressions/open.ts';
import { markSuppressionPropagated, readPendingSuppression } from '../db/suppressions/propagate.ts';
import { purgeSubjects } from '../db/subjects/purge.ts';
import { settleUnresolved } from '../db/subjects/unresolved.ts';
import type { NextStep } from '../domain/batch.ts';
import { type Project, systemsFor } from '../domain/catalog.ts';
import { DomainError } from '../domain/errors.ts';
import type { DeletionState } from '../domain/request-state.ts';
import type { AsOf, AttentionKey, BatchKey, SystemKey, RequestKey } from '../domain/ids.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import { type ActivityDeps, configuredFor, projectOf, settleMsOf } from './deps.ts';

/** The facts that a workflow reads from its request once, when a run starts. */
export interface RequestFacts {
  readonly project: string;
  readonly subjectKind: SubjectKind;
  readonly directory: string;
  readonly dueAt: number;
  readonly resolved: boolean;
  readonly submitted: number;
  /** Whether the request hides its subjects as soon as they are resolved. */
  readonly hidesSubjects: boolean;
}

/** Steps that use only Lethe's own database. */
export const ledgerActivities = (deps: ActivityDeps) => ({
  async readRequest({ requestId }: RequestKey): Promise<RequestFacts> {
    const request = await readRequestRow(deps.database, requestId);
    const { project, subjectKind, dueAt, resolvedAt, submitted } = request;
    const { directory } = projectOf(deps, project);
    return {
      project,
      subjectKind,
      directory,
      dueAt: dueAt.getTime(),
      resolved: resolvedAt !== null,
      submitted,
      hidesSubjects: hidesSubjects(request),
    };
  },

  async reconcileDeletion({ requestId, asOf }: RequestKey & AsOf): Promise<DeletionState> {
    const request = await readRequestRow(deps.database, requestId);
    const { window } = projectOf(deps, request.project).policy;
    const input = { requestId, asOf: new Date(asOf), window, ...configuredFor(deps, request) };
    return reconcileDeletion(deps.database, input);
  },

  /** Returns the pinned systems that are configured here. Raises attention for each that is not. */
  async checkPinnedSystems({ requestId, asOf }: RequestKey & AsOf): Promise<readonly string[]> {
    const { project, subjectKind } = await readRequestRow(deps.database, requestId);
    const configured: Record<string, string> = {};
    for (const { name, dataMapHash } of systemsFor(projectOf(deps, project), subjectKind))
      configured[name] = dataMapHash;
    return checkPinnedSystems(deps.database, { requestId, configured, at: new Date(asOf) });
  },

  async claimSubjects({ requestId, asOf }: RequestKey & AsOf): Promise<{ claimed: number; leftForNextRun: number }> {
    const { policy } = await projectOfRequest(deps, requestId);
    const { wake, ...counts } = await claim(deps.database, policy, { requestId, asOf: new Date(asOf) });
    await deps.starter.signalRequests(wake);
    return counts;
  },

  async settleUnresolved({ requestId, asOf }: RequestKey & AsOf): Promise<readonly string[]> {
    const { name } = await projectOfRequest(deps, requestId);
    return settleUnresolved(deps.database, name, requestId, new Date(asOf));
  },

  async readNextBatchStep({ asOf, ...key }: BatchKey & AsOf): Promise<NextStep> {
    const work: BatchWork = await readBatchWork(deps.database, key);
    return nextStep(work, asOf, settleMsOf(deps, { project: work.project, system: key.system }));
  },

  deferStep: ({ asOf, ...key }: SystemKey & Pick<AttentionKey, 'step'> & AsOf) =>
    deferStep(deps.database, { ...key, batch: 0 }, new Date(asOf)),

  deferBatch: ({ asOf, ...key }: BatchKey & AsOf) => deferBatch(deps.database, key, new Date(asOf)),

  async concludeDeletion({ requestId, asOf }: RequestKey & AsOf) {
    const { systems } = await projectOfRequest(deps, requestId);
    return conclude(deps.database, { requestId, at: new Date(asOf), systems });
  },

  purgeSubjects: ({ requestId, asOf }: RequestKey & AsOf) =>
    purgeSubjects(deps.database, { requestId, at: new Date(asOf) }),

  openSuppressions: ({ requestId, asOf }: RequestKey & AsOf) =>
    openSuppressions(deps.database, deps.keys, { requestId, at: new Date(asOf) }),

  /** Starts the export that a deletion waits for. If this start is lost, housekeeping starts its workflow (rule 1). */
  async startBackup({ requestId, asOf }: RequestKey & AsOf): Promise<void> {
    const backup = await startBackup(deps.database, requestId, new Date(asOf));
    if (backup !== null) await deps.starter.start(backup);
  },

  /** Cancels on behalf of an operator who cancelled the workflow in Temporal. Does nothing if every subject is claimed. */
  async cancelUnclaimedSubjects({ requestId, asOf }: RequestKey & AsOf): Promise<void> {
    const { window } = (await projectOfRequest(deps, requestId)).policy;
    try {
      await cancelRequest(deps.database, window, {
        requestId,
        positions: 'all',
        actor: 'temporal',
        at: new Date(asOf),
      });
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'too_late')) throw error;
    }
  },

  /** Returns the systems that can suppress and have not placed or lifted a suppression yet. Null if it is propagated. */
  async readPendingSuppression({ suppressionId }: { readonly suppressionId: string }) {
    const pending = await readPendingSuppression(deps.database, suppressionId);
    if (pending === null) return null;
    const { project, suppressed, appliedIn } = pending;
    const systems = suppressingSystems(projectOf(deps, project), pending.kind);
    return { project, suppressed, systems: systems.filter((name) => !appliedIn.includes(name)) };
  },

  /** Does nothing while a system that is configured now, and can suppress, lacks the suppression. */
  async markSuppressionPropagated({
    suppressionId,
    suppressed,
    asOf,
  }: { readonly suppressionId: string; readonly suppressed: boolean } & AsOf): Promise<void> {
    const pending = await readPendingSuppression(deps.database, suppressionId);
    if (pending === null) return;
    const systems = suppressingSystems(projectOf(deps, pending.project), pending.kind);
    await markSuppressionPropagated(deps.database, suppressionId, { suppressed, systems, at: new Date(asOf) });
  },
});

const suppressingSystems = (project: Project, kind: SubjectKind): readonly string[] =>
  systemsFor(project, kind)
    .filter(({ suppresses }) => suppresses)
    .map(({ name }) => name);

async function projectOfRequest(deps: ActivityDeps, requestId: string): Promise<Project> {
  const { project } = await readRequestRow(deps.database, requestId);
  return projectOf(deps, project);
}
