import { accept } from '../../../../db/requests/accept.ts';
import type { Accepted, NewRequest, Selection } from '../../../../db/requests/create.ts';
import type { Caller } from '../../../../db/members/authenticate.ts';
import { forecastOf } from '../../../../db/requests/forecast.ts';
import type { Replayable } from '../../../../db/requests/idempotency.ts';
import { type Project, processorsFor } from '../../../../domain/catalog.ts';
import { newId } from '../../../../domain/ids.ts';
import { hardDeleteAt } from '../../../../domain/policy.ts';
import type {
  Expedite,
  ExportFormat,
  OnConflict,
  RequestKind,
  Scope,
  SubjectKind,
} from '../../../../domain/vocabulary.ts';
import { type Permission, requireAccess } from '../../../auth.ts';
import type { ApiDeps } from '../../../deps.ts';
import { bodyError, type ValidationError, invalidRequest } from '../../../http/validation-errors.ts';

/** A request as it is asked for, apart from whom it concerns. What its kind does not have is null or false. */
export interface Terms {
  readonly kind: RequestKind;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly scope: Scope;
  readonly suppress: boolean;
  readonly onConflict: OnConflict;
  readonly confirm: boolean;
  readonly expedite: { readonly when: Expedite; readonly reason: string } | null;
  readonly format: ExportFormat | null;
  readonly notify: string | null;
  readonly exportFirst: boolean;
}

export interface Submission extends Terms {
  readonly project: Project;
  readonly selection: Selection;
}

/** The row first, then the workflow: what is stored will run, whatever becomes of this process (rule 1). */
export async function startRequest(
  deps: ApiDeps,
  caller: Caller,
  submission: Submission,
  call: Replayable | null,
): Promise<Accepted> {
  requireAccess(caller, ...neededForArchive(submission));
  const request = newRequest(caller, submission, deps.now());
  const accepted = await accept(deps.database, deps.keys, request, call);
  const { id, project, kind, submitted, dueAt } = accepted;
  if (!accepted.replayed) await deps.orchestrator.start(id, { project, kind, submitted, dueAt });
  return accepted;
}

/**
 * Who asks for an archive before a deletion, or is mailed the link to one that the project makes, is handed out what an
 * export hands out: it takes what that takes, and of everybody an owner.
 */
function neededForArchive({ kind, exportFirst, notify, selection, project }: Submission): readonly Permission[] {
  if (kind === 'export' || !(exportFirst || (project.policy.exportFirst && notify !== null))) return [];
  const exports = { access: 'write', kind: 'export' } as const;
  return [selection.by === 'everyone' ? { ...exports, role: 'owner' } : exports];
}

function newRequest(caller: Caller, { project, ...submission }: Submission, now: Date): NewRequest {
  const { policy } = project;
  const { kind, regulation, subjectKind, expedite } = submission;
  const deadlineMs = deadlineOf(project, regulation);
  if (deadlineMs === undefined) throw invalidRequest(termErrors(project, submission));
  const hardDelete = new Date(hardDeleteAt(policy, now.getTime(), expedite?.when ?? null));
  const deletion = kind === 'deletion';
  return {
    ...submission,
    id: newId('request', now.getTime()),
    project: project.name,
    submittedBy: caller.memberId,
    receivedAt: now,
    dueAt: new Date(now.getTime() + deadlineMs),
    hardDeleteAt: deletion ? hardDelete : null,
    exportFirst: deletion && (submission.exportFirst || policy.exportFirst),
    forecast: forecastOf(policy, processorsFor(project, subjectKind), hardDelete, now),
  };
}

/** What only the project can say of the terms, and what they say against each other; the pointers are those of a JSON body. */
export function termErrors(
  project: Project,
  {
    kind,
    subjectKind,
    regulation,
    scope,
    suppress,
    exportFirst,
  }: Pick<Terms, 'kind' | 'subjectKind' | 'regulation' | 'scope' | 'suppress' | 'exportFirst'>,
): readonly ValidationError[] {
  const errors: ValidationError[] = [];
  if (deadlineOf(project, regulation) === undefined) {
    const known = Object.keys(project.policy.deadlineMs).join(', ');
    errors.push(bodyError('/regulation', 'unknown_regulation', `has no deadline here: ${known} have`));
  }
  const processors = processorsFor(project, subjectKind);
  if (processors.length === 0)
    errors.push(bodyError('/subjects/kind', 'unknown_kind', 'no processor of this project holds such subjects'));
  else if ((kind === 'export' || exportFirst) && !processors.some((processor) => processor.exports))
    errors.push(
      bodyError(kind === 'export' ? '/kind' : '/exportFirst', 'no_exports', 'no processor can hand out such subjects'),
    );
  if (suppress && scope !== 'data')
    errors.push(bodyError('/suppress', 'part_scope', 'goes with scope data: otherwise the subject stays'));
  return errors;
}

/** `constructor` and its like are regulations of nobody. */
const deadlineOf = ({ policy }: Project, regulation: string): number | undefined =>
  Object.hasOwn(policy.deadlineMs, regulation) ? policy.deadlineMs[regulation] : undefined;
