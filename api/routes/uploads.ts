import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import { identityTypesOf } from '../../domain/catalog.ts';
import { startRequest } from './requests/create/create.ts';
import { replayable, requireNoSubject, type Submission, termErrors } from './requests/create/parse.ts';
import { ACCEPTED_HEADERS, accepted, acceptedResponse } from './requests/create/response.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission } from '../auth.ts';
import { bodyLimitOf } from '../http/body-limit.ts';
import { jsonResponse, problemResponses } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { type ValidationError, invalidRequest } from '../http/validation-errors.ts';
import { typeOf } from '../identities.ts';
import type { Rules } from '../uploads/lines.ts';
import { FILE_EXAMPLE, FORM_EXAMPLES, UploadForm, type UploadParameters, UploadQuery } from '../uploads/parameters.ts';
import { readUpload } from '../uploads/read-upload.ts';

const AcceptedUpload = z
  .strictObject({
    ...accepted,
    submitted: accepted.submitted.openapi({ 'x-example': 4 }),
    lines: z
      .strictObject({ total: z.int(), accepted: z.int(), merged: z.int(), failed: z.int(), blank: z.int() })
      .openapi({
        description: 'Every line behind the header: accepted, merged, failed and blank are the total.',
        'x-example': { total: 4, accepted: 2, merged: 1, failed: 1, blank: 0 },
      }),
    failures: z.array(z.strictObject({ line: z.int(), reason: z.string() })).openapi({
      description: 'The first hundred lines that are no identity; all of them are in links.subjects.',
      'x-example': [{ line: 3, reason: 'empty' }],
    }),
    mergedInto: z.array(z.strictObject({ line: z.int(), into: z.int() })).openapi({
      description: 'The first hundred lines that say what an earlier one said.',
      'x-example': [{ line: 4, into: 2 }],
    }),
  })
  .openapi('AcceptedUpload');

const route = createRoute({
  operationId: 'uploadSubjects',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/uploads',
  summary: 'Delete the subjects of a file: one identity on each line.',
  description:
    'CSV (RFC 4180) in UTF-8, as the body with its parameters in the query, or as the last part, `file`, of a form whose other fields they are. `notify` is taken from a form alone: an address does not belong into a URL. A line that is no identity is told and does not refuse the others. As many identities as a request takes (`policy.subjectsPerRequest`); expedited, `policy.subjectsPerUpload`.',
  request: { headers: idempotencyHeaders, query: UploadQuery },
  responses: {
    202: jsonResponse(AcceptedUpload, 'Stored; `Location` is its status.', ACCEPTED_HEADERS),
    ...problemResponses(
      'invalid_request',
      'unsupported_media_type',
      'body_too_large',
      'malformed_csv',
      'too_many_subjects',
      'project_not_found',
      'subject_conflict',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

/** In the document alone: what validates a form would read it whole before the handler sees it. */
const content = {
  'text/csv': { schema: z.string().openapi({ 'x-example': FILE_EXAMPLE }) },
  'multipart/form-data': { schema: UploadForm, examples: FORM_EXAMPLES },
};
const documented = { ...route, request: { ...route.request, body: { required: true, content } } };

export const uploads = (deps: ApiDeps) => {
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.registerPath(documented);
  return app.openapi({ ...route, hide: true }, async (c) => {
    const caller = c.get('caller');
    const { parameters, lines } = await readUpload(c.req.raw, c.req.query(), bodyLimitOf(deps), rulesOf(deps, caller));
    const { identities, tally, sha256 } = lines;
    requireNoSubject(parameters.notify ?? null, identities);
    const submission = {
      ...submissionOf(deps, caller, parameters),
      selection: { by: 'identities' as const, identities },
    };
    const call = replayable(c.req.valid('header'), 'uploadSubjects', parameters, sha256);
    return c.json({ ...acceptedResponse(c, await startRequest(deps, caller, submission, call)), ...tally }, 202);
  });
};

const submissionOf = (
  deps: ApiDeps,
  caller: Caller,
  {
    project,
    kind,
    subjects,
    regulation,
    scope,
    suppress,
    onConflict,
    confirm,
    expedite,
    reason,
    notify,
    exportFirst,
  }: UploadParameters,
): Omit<Submission, 'selection'> => ({
  project: ownProject(deps, caller, project),
  kind,
  subjectKind: subjects,
  regulation,
  scope,
  suppress,
  onConflict,
  confirm,
  expedite: expedite === undefined || reason === undefined ? null : { when: expedite, reason },
  format: null,
  notify: notify ?? null,
  exportFirst,
});

/** Throws `invalid_request` for every error of the parameters, before the file is read. */
const rulesOf =
  (deps: ApiDeps, caller: Caller) =>
  ({ type, subjects, ...parameters }: UploadParameters, place: ValidationError['in']): Rules => {
    const project = ownProject(deps, caller, parameters.project);
    const { subjectsPerRequest, subjectsPerUpload } = project.policy;
    const types = identityTypesOf(project, subjects);
    const known = typeOf(types, type);
    const errors = termErrors(project, { ...parameters, subjectKind: subjects }).map((error): ValidationError => ({
      ...error,
      in: place,
      pointer: error.pointer === '/subjects/kind' ? '/subjects' : error.pointer,
    }));
    if (known === undefined)
      throw invalidRequest([
        ...errors,
        {
          in: place,
          pointer: '/type',
          code: 'unknown_type',
          detail: 'is no identity type of this project and kind of subject',
        },
      ]);
    if (errors.length > 0) throw invalidRequest(errors);
    const limit = parameters.expedite === undefined ? subjectsPerRequest : subjectsPerUpload;
    return { types, parts: known.parts, limit, place };
  };
