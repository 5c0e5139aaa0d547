import type { Selection } from '../../../../db/requests/create.ts';
import { identityTypesOf, type Project } from '../../../../domain/catalog.ts';
import { DomainError } from '../../../../domain/errors.ts';
import type { SubjectKind } from '../../../../domain/vocabulary.ts';
import { bodyFault, type Fault, invalidRequest } from '../../../http/validation-errors.ts';
import { requireNoSubject } from './notify.ts';
import { exceptedIdentities, type SentIdentity, submittedIdentities } from '../../../identities.ts';
import { type Submission, type Terms, termFaults } from './start.ts';

/** A request as JSON says it, in shape but not yet checked against its project. */
export interface SentRequest extends Omit<Terms, 'subjectKind'> {
  readonly subjects: {
    readonly kind: SubjectKind;
    readonly identities?: readonly SentIdentity[] | undefined;
    readonly segment?: string | undefined;
    readonly except?: readonly SentIdentity[] | undefined;
  };
}

export function submissionOf(project: Project, sent: SentRequest): Submission {
  const { subjects, ...terms } = sent;
  const subjectKind = subjects.kind;
  const faults = [...termFaults(project, { ...terms, subjectKind }), ...faultsOf(project, sent)];
  if (faults.length > 0) throw invalidRequest(faults);
  const selection = selectionOf(project, subjects);
  if (selection.by === 'identities') requireNoSubject(terms.notify, selection.identities);
  return { ...terms, project, subjectKind, selection };
}

/** What only the project can say of whom it concerns, apart from the identities themselves. */
function faultsOf(project: Project, { kind, subjects, onConflict, confirm }: SentRequest): readonly Fault[] {
  const directory = project.processors.find((processor) => processor.name === project.directory);
  const faults: Fault[] = [];
  if (subjects.segment !== undefined && directory?.segments !== true) {
    faults.push(bodyFault('/subjects/segment', 'no_segments', "the project's directory knows no segments"));
  }
  if (subjects.segment !== undefined && subjects.kind !== 'user') {
    faults.push(bodyFault('/subjects/segment', 'no_segments', 'segments are of users'));
  }
  if (onConflict === 'reject' && subjects.identities === undefined) {
    faults.push(bodyFault('/onConflict', 'needs_identities', 'reject can only be judged on identities'));
  }
  if (subjects.identities === undefined && subjects.segment === undefined && kind === 'deletion' && !confirm) {
    faults.push(bodyFault('/confirm', 'needs_confirmation', 'everyone is counted, and confirmed by another owner'));
  }
  return faults;
}

function selectionOf(project: Project, subjects: SentRequest['subjects']): Selection {
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
