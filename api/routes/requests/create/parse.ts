import { createHash } from 'node:crypto';
import type { z } from '@hono/zod-openapi';
import type { NewRequest, Selection, SubmittedIdentity } from '../../../../db/requests/create.ts';
import type { Replayable } from '../../../../db/requests/idempotency.ts';
import { identityTypesOf, systemsFor, type Project } from '../../../../domain/catalog.ts';
import { DomainError } from '../../../../domain/errors.ts';
import { canonicalValue } from '../../../../domain/identity-forms.ts';
import type { Policy } from '../../../../domain/policy.ts';
import type { RequestKind } from '../../../../domain/vocabulary.ts';
import { bodyError, invalidRequest, type ValidationError } from '../../../http/validation-errors.ts';
import { parseExceptions, parseSubmittedIdentities } from '../../../identities.ts';
import type { idempotencyHeaders, NewRequestBody, SelectedSubjects } from './schema.ts';

type FromPolicy = 'id' | 'submittedBy' | 'receivedAt' | 'dueAt' | 'hardDeleteAt' | 'forecast';

/** A validated request before it gets its ID and timestamps. Fields of the other kind are null or false. */
export interface Submission extends Omit<NewRequest, 'project' | FromPolicy> {
  readonly project: Project;
}

const DELETION_FIELDS_OF_EXPORTS = {
  suppress: false,
  onConflict: 'attach',
  confirm: false,
  expedite: null,
  exportFirst: false,
} as const;

/** Throws `invalid_request` with every error that depends on the project. */
export function parseRequest(project: Project, body: NewRequestBody): Submission {
  const fields = body.kind === 'deletion' ? { ...body, format: null } : { ...body, ...DELETION_FIELDS_OF_EXPORTS };
  const { subjects, ...terms } = fields;
  const subjectKind = subjects.kind;
  const errors = [...termErrors(project, { ...terms, subjectKind }), ...selectionErrors(project, fields)];
  const tooMany = tooManySubjects(project.policy, body.kind, subjects);
  if (tooMany !== null) throw errors.length > 0 ? invalidRequest(errors) : tooMany;
  const selection = selectionOf(project, subjects, errors);
  if (selection.by === 'identities') errors.push(...notifyErrors(terms.notify, selection.identities));
  if (errors.length > 0) throw invalidRequest(errors);
  return { ...terms, project, subjectKind, selection };
}

/** Undefined for a field that is missing or malformed, which is an error of its own. */
type Known<Fields extends keyof Submission> = { readonly [Field in Fields]?: Submission[Field] | undefined };

/** Errors that depend on the project, and contradictions between fields. Pointers refer to a JSON body. */
export function termErrors(
  project: Project,
  terms: Known<'kind' | 'subjectKind' | 'regulation' | 'scope' | 'suppress' | 'exportFirst'>,
): ValidationError[] {
  const { kind, subjectKind, regulation, scope, suppress, exportFirst } = terms;
  const errors: ValidationError[] = [];
  if (regulation !== undefined && deadlineOf(project, regulation) === undefined) {
    const known = Object.keys(project.policy.deadlineMs).join(', ');
    errors.push(bodyError('/regulation', 'unknown_regulation', `is unknown; regulations of this project: ${known}`));
  }
  const systems = subjectKind === undefined ? null : systemsFor(project, subjectKind);
  if (systems?.length === 0)
    errors.push(bodyError('/subjects/kind', 'unknown_kind', 'no system of this project holds this kind of subject'));
  else if ((kind === 'export' || exportFirst === true) && systems?.some((system) => system.exports) === false) {
    const pointer = kind === 'export' ? '/kind' : '/exportFirst';
    errors.push(bodyError(pointer, 'no_exports', 'no system of this project can export this kind of subject'));
  }
  const isDeletion = kind === 'deletion' && systems !== null && systems.length > 0;
  if (isDeletion && scope !== undefined && systems.every((system) => !system.scopes.includes(scope)))
    errors.push(
      bodyError('/scope', 'no_scope', 'no system of this project can delete only this part; request scope data'),
    );
  if (isDeletion && suppress === true && systems.every((system) => !system.suppresses))
    errors.push(bodyError('/suppress', 'no_suppression', 'no system of this project can suppress; omit it'));
  if (suppress === true && scope !== undefined && scope !== 'data')
    errors.push(bodyError('/suppress', 'part_scope', 'requires scope data, because other scopes keep the subject'));
  return errors;
}

/** Own properties only: `constructor` is not a regulation. */
export const deadlineOf = ({ policy }: Project, regulation: string): number | undefined =>
  Object.hasOwn(policy.deadlineMs, regulation) ? policy.deadlineMs[regulation] : undefined;

/** Errors of the selection that depend on the project, except those of single identities. */
export function selectionErrors(
  project: Project,
  {
    kind,
    subjects,
    onConflict,
    confirm,
  }: Known<'kind' | 'onConflict' | 'confirm'> & { readonly subjects: SelectedSubjects },
): readonly ValidationError[] {
  const directory = project.systems.find((system) => system.name === project.directory);
  const errors: ValidationError[] = [];
  if (subjects.segment !== undefined && directory?.segments !== true) {
    errors.push(bodyError('/subjects/segment', 'no_segments', 'the directory of this project has no segments'));
  }
  if (subjects.segment !== undefined && subjects.kind !== 'user') {
    errors.push(bodyError('/subjects/segment', 'no_segments', 'requires kind user'));
  }
  if (onConflict === 'reject' && subjects.identities === undefined) {
    errors.push(bodyError('/onConflict', 'needs_identities', 'reject requires subjects.identities'));
  }
  if (subjects.identities === undefined && subjects.segment === undefined && kind === 'deletion' && confirm === false) {
    errors.push(bodyError('/confirm', 'needs_confirmation', 'must be true when subjects.everyone is true'));
  }
  return errors;
}

/** Null if the number of identities is within the limit of the policy. */
function tooManySubjects(
  { subjectsPerRequest: limit, subjectsPerUpload }: Policy,
  kind: RequestKind,
  { identities, except = [] }: SelectedSubjects,
): DomainError | null {
  const submitted = (identities ?? except).length;
  if (submitted <= limit) return null;
  const upload = kind === 'deletion' ? `, or upload a file with POST /v1/uploads (up to ${subjectsPerUpload})` : '';
  const detail =
    identities === undefined
      ? `The request has ${submitted} exceptions, the limit is ${limit}. Nothing was stored.`
      : `The request has ${submitted} identities, the limit is ${limit}. Nothing was stored; split the list, select a segment${upload}.`;
  return new DomainError('too_many_subjects', detail, { limit, submitted });
}

/** Appends the errors of single identities to `errors`. */
export function selectionOf(project: Project, subjects: SelectedSubjects, errors: ValidationError[]): Selection {
  const { kind, identities, segment, except = [] } = subjects;
  if (segment !== undefined) return { by: 'segment', segment };
  const types = identityTypesOf(project, kind);
  return identities === undefined
    ? { by: 'everyone', except: parseExceptions(types, except, errors) }
    : { by: 'identities', identities: parseSubmittedIdentities(types, identities, errors) };
}

/**
 * Mail about a request goes to a colleague, never to a subject: `notify` must not be a submitted identity. The resolved
 * identities are checked once they are known.
 */
export function notifyErrors(
  notify: string | null,
  identities: readonly SubmittedIdentity[],
): readonly ValidationError[] {
  const fold = (value: readonly string[]) => canonicalValue('caseInsensitive', value);
  const [address] = notify === null ? [] : fold([notify]);
  const isSubject =
    address !== undefined && identities.some(({ value }) => value !== null && fold(value).includes(address));
  const detail = 'must not be the address of a subject of the request';
  return isSubject ? [bodyError('/notify', 'notify_is_subject', detail)] : [];
}

/** Null without an `Idempotency-Key`. The hash covers the operation, its parameters, and the bytes of a file. */
export function toReplayable(
  headers: z.output<typeof idempotencyHeaders>,
  operation: string,
  parameters: unknown,
  bytes: Uint8Array = new Uint8Array(),
): Replayable | null {
  const key = headers['Idempotency-Key'];
  if (key === undefined) return null;
  const content = createHash('sha256')
    .update(JSON.stringify([operation, parameters]))
    .update(bytes)
    .digest();
  return { key, content };
}
