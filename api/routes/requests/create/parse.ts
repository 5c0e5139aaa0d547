import { createHash } from 'node:crypto';
import type { z } from '@hono/zod-openapi';
import type { NewRequest, Selection, SubmittedIdentity } from '../../../../db/requests/create.ts';
import type { Replayable } from '../../../../db/requests/idempotency.ts';
import { identityTypesOf, systemsFor, type Project } from '../../../../domain/catalog.ts';
import { DomainError } from '../../../../domain/errors.ts';
import { bodyError, invalidRequest, type ValidationError } from '../../../http/validation-errors.ts';
import { exceptedIdentities, submittedIdentities } from '../../../identities.ts';
import type { idempotencyHeaders, NewRequestBody, SentSubjects } from './schema.ts';

type FromPolicy = 'id' | 'submittedBy' | 'receivedAt' | 'dueAt' | 'hardDeleteAt' | 'forecast';

/** A checked request before it gets its id and its timestamps. Members of the other kind are null or false. */
export interface Submission extends Omit<NewRequest, 'project' | FromPolicy> {
  readonly project: Project;
}

const NOTHING_OF_A_DELETION = {
  suppress: false,
  onConflict: 'attach',
  confirm: false,
  expedite: null,
  exportFirst: false,
} as const;

/** Throws `invalid_request` with every error that only the project can find. */
export function parseRequest(project: Project, body: NewRequestBody): Submission {
  const sent = body.kind === 'deletion' ? { ...body, format: null } : { ...body, ...NOTHING_OF_A_DELETION };
  const { subjects, ...terms } = sent;
  const subjectKind = subjects.kind;
  const errors = [...termErrors(project, { ...terms, subjectKind }), ...selectionErrors(project, sent)];
  if (errors.length > 0) throw invalidRequest(errors);
  const selection = selectionOf(project, subjects);
  if (selection.by === 'identities') requireNoSubject(terms.notify, selection.identities);
  return { ...terms, project, subjectKind, selection };
}

/** Errors of the terms that only the project can find, and contradictions between them. The pointers are those of a JSON body. */
export function termErrors(
  project: Project,
  terms: Pick<Submission, 'kind' | 'subjectKind' | 'regulation' | 'scope' | 'suppress' | 'exportFirst'>,
): readonly ValidationError[] {
  const { kind, subjectKind, regulation, scope, suppress, exportFirst } = terms;
  const errors: ValidationError[] = [];
  if (deadlineOf(project, regulation) === undefined) {
    const known = Object.keys(project.policy.deadlineMs).join(', ');
    errors.push(bodyError('/regulation', 'unknown_regulation', `has no deadline here: ${known} have`));
  }
  const systems = systemsFor(project, subjectKind);
  if (systems.length === 0)
    errors.push(bodyError('/subjects/kind', 'unknown_kind', 'no system of this project holds such subjects'));
  else if ((kind === 'export' || exportFirst) && !systems.some((system) => system.exports))
    errors.push(
      bodyError(kind === 'export' ? '/kind' : '/exportFirst', 'no_exports', 'no system can hand out such subjects'),
    );
  if (suppress && scope !== 'data')
    errors.push(bodyError('/suppress', 'part_scope', 'goes with scope data: otherwise the subject stays'));
  return errors;
}

/** `constructor` and its like are not regulations. */
export const deadlineOf = ({ policy }: Project, regulation: string): number | undefined =>
  Object.hasOwn(policy.deadlineMs, regulation) ? policy.deadlineMs[regulation] : undefined;

/** Errors of the selection that only the project can find, apart from those of single identities. */
function selectionErrors(
  project: Project,
  {
    kind,
    subjects,
    onConflict,
    confirm,
  }: Pick<Submission, 'kind' | 'onConflict' | 'confirm'> & { readonly subjects: SentSubjects },
): readonly ValidationError[] {
  const directory = project.systems.find((system) => system.name === project.directory);
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

function selectionOf(project: Project, subjects: SentSubjects): Selection {
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

/**
 * Mail about a request goes to a colleague, never to a subject. Throws `invalid_request` where `notify` is a submitted
 * identity; the resolved identities are checked once they are known.
 */
export function requireNoSubject(
  notify: string | null,
  identities: readonly SubmittedIdentity[],
  place: ValidationError['in'] = 'body',
): void {
  const address = notify?.toLowerCase();
  if (address === undefined || !identities.some(({ value }) => value?.some((part) => part.toLowerCase() === address)))
    return;
  throw invalidRequest([
    { in: place, pointer: '/notify', code: 'notify_is_subject', detail: 'is what one of the subjects is called' },
  ]);
}

/** Null without an `Idempotency-Key`. The content is hashed over the operation, its parameters, and the bytes of a file. */
export function replayable(
  headers: z.output<typeof idempotencyHeaders>,
  operation: string,
  asked: unknown,
  bytes: Uint8Array = new Uint8Array(),
): Replayable | null {
  const given = headers['Idempotency-Key'];
  if (given === undefined) return null;
  const content = createHash('sha256')
    .update(JSON.stringify([operation, asked]))
    .update(bytes)
    .digest();
  return { key: given, content };
}
