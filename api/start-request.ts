import { acceptRequest, type NewRequest, type Selection } from '../db/accept-request.ts';
import { acceptUnlessOwned } from '../db/accept-unless-owned.ts';
import { forecastOf } from '../db/forecast.ts';
import { identityTypesOf, type Project, processorsFor } from '../domain/catalog.ts';
import { DomainError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { hardDeleteAt } from '../domain/policy.ts';
import type { Expedite, OnConflict, Scope, SubjectKind } from '../domain/vocabulary.ts';
import { type ApiDeps, type Caller, ownProject } from './deps.ts';
import { bodyFault, type Fault, invalidRequest } from './faults.ts';
import { exceptedIdentities, type SentIdentity, submittedIdentities } from './identities.ts';

/** A deletion as it is asked for, in shape but not yet checked against its project. */
export interface Submission {
  readonly project: string;
  readonly regulation: string;
  readonly subjects: {
    readonly kind: SubjectKind;
    readonly identities?: readonly SentIdentity[] | undefined;
    readonly segment?: string | undefined;
    readonly except?: readonly SentIdentity[] | undefined;
  };
  readonly scope: Scope;
  readonly suppress: boolean;
  readonly onConflict: OnConflict;
  readonly confirm: boolean;
  readonly expedite: { readonly when: Expedite; readonly reason: string } | null;
}

export type Accepted = NewRequest & { readonly submitted: number; readonly estimatedCompletionAt: Date };

/** The row first, then the workflow: what is stored will run, whatever becomes of this process (rule 1). */
export async function startRequest(deps: ApiDeps, caller: Caller, submission: Submission): Promise<Accepted> {
  const project = ownProject(deps, caller, submission.project);
  const request = newRequest(project, caller, submission, deps.now());
  const { estimatedCompletionAt } =
    submission.onConflict === 'reject'
      ? await acceptUnlessOwned(deps.database, deps.keys, request)
      : await acceptRequest(deps.database, request);
  const submitted = request.selection.by === 'identities' ? request.selection.identities.length : 0;
  await deps.orchestrator.start(request.id, {
    project: project.name,
    kind: 'deletion',
    submitted,
    dueAt: request.dueAt,
  });
  return { ...request, submitted, estimatedCompletionAt };
}

function newRequest(project: Project, caller: Caller, submission: Submission, now: Date): NewRequest {
  const { policy } = project;
  const { regulation, expedite, subjects, onConflict } = submission;
  const deadlineMs = Object.hasOwn(policy.deadlineMs, regulation) ? policy.deadlineMs[regulation] : undefined;
  const faults = faultsOf(project, submission);
  if (deadlineMs === undefined) {
    throw invalidRequest([
      bodyFault(
        '/regulation',
        'unknown_regulation',
        `has no deadline here: ${Object.keys(policy.deadlineMs).join(', ')} have`,
      ),
      ...faults,
    ]);
  }
  if (faults.length > 0) throw invalidRequest(faults);
  const selection = selectionOf(project, subjects);
  const hardDelete = new Date(hardDeleteAt(policy, now.getTime(), expedite?.when ?? null));
  return {
    id: newId('request', now.getTime()),
    project: project.name,
    subjectKind: subjects.kind,
    regulation,
    scope: submission.scope,
    selection,
    suppress: submission.suppress,
    onConflict,
    confirm: submission.confirm,
    expedite,
    submittedBy: caller.memberId,
    receivedAt: now,
    dueAt: new Date(now.getTime() + deadlineMs),
    hardDeleteAt: hardDelete,
    forecast: forecastOf(policy, processorsFor(project, subjects.kind), hardDelete, now),
  };
}

/** What only the project can say of it, apart from the identities themselves. */
function faultsOf(project: Project, { subjects, onConflict, confirm }: Submission): readonly Fault[] {
  const directory = project.processors.find((processor) => processor.name === project.directory);
  const faults: Fault[] = [];
  if (processorsFor(project, subjects.kind).length === 0) {
    faults.push(bodyFault('/subjects/kind', 'unknown_kind', 'no processor of this project holds such subjects'));
  }
  if (subjects.segment !== undefined && directory?.segments !== true) {
    faults.push(bodyFault('/subjects/segment', 'no_segments', "the project's directory knows no segments"));
  }
  if (subjects.segment !== undefined && subjects.kind !== 'user') {
    faults.push(bodyFault('/subjects/segment', 'no_segments', 'segments are of users'));
  }
  if (onConflict === 'reject' && subjects.identities === undefined) {
    faults.push(bodyFault('/onConflict', 'needs_identities', 'reject can only be judged on identities'));
  }
  if (subjects.identities === undefined && subjects.segment === undefined && !confirm) {
    faults.push(bodyFault('/confirm', 'needs_confirmation', 'everyone is counted, and confirmed by another owner'));
  }
  return faults;
}

function selectionOf(project: Project, subjects: Submission['subjects']): Selection {
  const { kind, identities, segment, except = [] } = subjects;
  if (segment !== undefined) return { by: 'segment', segment };
  const listed = identities ?? except;
  const limit = project.policy.subjectsPerRequest;
  if (listed.length > limit) {
    throw new DomainError('too_many_subjects', `a request takes ${limit} identities`, {
      limit,
      submitted: listed.length,
    });
  }
  const types = identityTypesOf(project, kind);
  return identities === undefined
    ? { by: 'everyone', except: exceptedIdentities(types, except) }
    : { by: 'identities', identities: submittedIdentities(types, identities) };
}
