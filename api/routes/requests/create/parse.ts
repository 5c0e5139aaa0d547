import type { Selection } from '../../../../db/requests/create.ts';
import { identityTypesOf, type Project } from '../../../../domain/catalog.ts';
import { DomainError } from '../../../../domain/errors.ts';
import type { SubjectKind } from '../../../../domain/vocabulary.ts';
import { bodyError, type ValidationError, invalidRequest } from '../../../http/validation-errors.ts';
import { requireNoSubject } from './notify.ts';
import { exceptedIdentities, type SentIdentity, submittedIdentities } from '../../../identities.ts';
import { type Submission, type Terms, termErrors } from './start.ts';

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
  const errors = [...termErrors(project, { ...terms, subjectKind }), ...selectionErrors(project, sent)];
  if (errors.length > 0) throw invalidRequest(errors);
  const selection = selectionOf(project, subjects);
  if (selection.by === 'identities') requireNoSubject(terms.notify, selection.identities);
  return { ...terms, project, subjectKind, selection };
}

/** What only the project can say of whom it concerns, apart from the identities themselves. */
function selectionErrors(
  project: Project,
  { kind, subjects, onConflict, confirm }: SentRequest,
): readonly ValidationError[] {
  const directory = project.processors.find((processor) => processor.name === project.directory);
  const errors: ValidationError[] = [];
  if (subjects.segment !== undefined && directory?.segments !== true) {
    errors.push(bodyError('/subjects/segment', 'no_segments', "the project's directory knows no segments"));
  }
  if (subjects.segment !== undefined && subjects.kind !== 'user') {
    errors.push(bodyError('/subjects/segment', 'no_segments', 'segments are of users'));
  }
  if (onConflict === 'reject' && subjects.identities === undefined) {
    errors.push(bodyError('/onConflict', 'needs_identities', 'reject can only be judged on identities'));
  }
  if (subjects.identities === undefined && subjects.segment === undefined && kind === 'deletion' && !confirm) {
    errors.push(bodyError('/confirm', 'needs_confirmation', 'everyone is counted, and confirmed by another owner'));
  }
  return errors;
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
