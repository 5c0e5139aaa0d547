import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Caller } from '../../../../db/members/authenticate.ts';
import { accept, type NewRequest } from '../../../../db/requests/create.ts';
import { forecastOf } from '../../../../db/requests/forecast.ts';
import type { Accepted, Replayable } from '../../../../db/requests/idempotency.ts';
import { hidesSubjects } from '../../../../db/requests/row.ts';
import { systemsFor } from '../../../../domain/catalog.ts';
import { newId } from '../../../../domain/ids.ts';
import { hardDeleteAt } from '../../../../domain/policy.ts';
import { type Permission, requireAccess, requirePermission } from '../../../auth.ts';
import { type ApiDeps, type AppEnv, ownProjectUnlessOther, requireOwnProject } from '../../../deps.ts';
import { invalidRequest, onValidationError } from '../../../http/validation-errors.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../../openapi/contract.ts';
import { errorsOfValidParts } from './malformed.ts';
import { deadlineOf, parseRequest, toReplayable, type Submission, termErrors } from './parse.ts';
import { ACCEPTED_HEADERS, AcceptedRequest, acceptedResponse } from './response.ts';
import { idempotencyHeaders, NEW_REQUEST_EXAMPLES, NewRequestBody } from './schema.ts';

const DESCRIPTION = `Stores the request and starts it asynchronously.

A **deletion** soft-deletes the subjects in every system that can hide them, waits for the grace period, hard-deletes their data in a run, and verifies that the data is gone. Its statuses are \`received\`, \`resolving\`, \`grace\`, \`deleting\`, \`verifying\` and \`completed\`. With \`confirm\`, it stops at \`awaiting_confirmation\` after counting.

An **export** collects the data of the subjects from every system into one archive, which can be downloaded until it expires. Its statuses are \`received\`, \`resolving\`, \`collecting\`, \`packaging\`, \`ready\` and \`expired\`.

Both end as \`not_found\` if no system knows a subject, or as \`cancelled\` or \`failed\`. A deletion ends as \`partially_completed\` if an operator skips a system. The token must cover the \`kind\` of the request, and also kind \`export\` with \`exportFirst\`. Exporting everyone requires an owner's token.`;

const route = createRoute({
  operationId: 'createRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests',
  summary: 'Create a deletion or export request',
  description: DESCRIPTION,
  request: { headers: idempotencyHeaders, ...body(NewRequestBody, NEW_REQUEST_EXAMPLES) },
  responses: {
    202: jsonResponse(
      AcceptedRequest,
      'Accepted. The request runs asynchronously; `Location` is its path.',
      ACCEPTED_HEADERS,
    ),
    ...problemResponsesWithBody(
      'project_not_found',
      'too_many_subjects',
      'subject_conflict',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

export const createRequest = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(
    route,
    async (c) => {
      const request = c.req.valid('json');
      const caller = c.get('caller');
      requireAccess(caller, { access: 'write', kind: request.kind }, ...permissionsForEveryone(request));
      const submission = parseRequest(requireOwnProject(deps, caller, request.project), request);
      const call = toReplayable(c.req.valid('header'), 'createRequest', request);
      return c.json(acceptedResponse(c, await startRequest(deps, caller, submission, call)), 202);
    },
    (result, c) => {
      onValidationError(result, c, (sent) => {
        const { project: name } = Named.parse(sent);
        const project = ownProjectUnlessOther(deps, c.get('caller'), name);
        return project === null ? [] : errorsOfValidParts(project, sent);
      });
      return undefined;
    },
  );

const Named = z.object({ project: z.unknown() }).catch({ project: undefined });

/** Only an owner may export everyone. The deletion of everyone requires the confirmation of another owner instead. */
const permissionsForEveryone = ({ kind, subjects }: NewRequestBody): readonly Permission[] =>
  kind === 'export' && subjects.everyone === true ? [{ access: 'write', kind, role: 'owner' }] : [];

/** Stores the row, then starts the workflow. The dispatcher starts it if this process cannot (rule 1). */
export async function startRequest(
  deps: ApiDeps,
  caller: Caller,
  submission: Submission,
  call: Replayable | null,
): Promise<Accepted> {
  requireAccess(caller, ...permissionsForArchive(submission));
  const request = newRequest(caller, submission, deps.now());
  const accepted = await accept(deps.database, deps.keys, request, call);
  const { id, project, kind, submitted, dueAt } = accepted;
  const facts = { project, kind, submitted, dueAt, hidesSubjects: hidesSubjects({ ...request, confirmedAt: null }) };
  if (!accepted.replayed) await deps.orchestrator.start(id, facts);
  return accepted;
}

/**
 * Returns the permission to export if the deletion gives its caller an archive: by `exportFirst`, or by a link that is
 * mailed to `notify` because the project requires the export. For everyone, the role owner is required as well.
 */
function permissionsForArchive({ kind, exportFirst, notify, selection, project }: Submission): readonly Permission[] {
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
    forecast: forecastOf(policy, systemsFor(project, subjectKind), hardDelete, now),
  };
}
