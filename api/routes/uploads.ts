import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import { identityTypesOf, type Project } from '../../domain/catalog.ts';
import { startRequest } from './requests/create/create.ts';
import { notifyErrors, toReplayable, type Submission, termErrors } from './requests/create/parse.ts';
import { ACCEPTED_HEADERS, acceptedFields, acceptedResponse } from './requests/create/response.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requireAccess, requirePermission } from '../auth.ts';
import { bodyLimitOf } from '../http/body/limit.ts';
import { jsonResponse, problemResponsesOfUpload } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProjectUnlessOther, requireOwnProject } from '../deps.ts';
import { type ValidationError, invalidRequest } from '../http/validation-errors.ts';
import { identityTypeOf, unknownTypeText } from '../identities.ts';
import type { UploadRules } from '../uploads/lines.ts';
import {
  FILE_EXAMPLE,
  FORM_EXAMPLES,
  findContradictions,
  readValidParameters,
  UploadForm,
  type UploadParameters,
  UploadQuery,
  type ValidParameters,
} from '../uploads/parameters.ts';
import { groupValues, readUpload } from '../uploads/read-upload.ts';

const line = z.int().openapi({ description: 'Line in the file, from 1.' });
const Failure = z.strictObject({
  line,
  reason: z.string().openapi({ description: 'Code of the reason, as in `GET /v1/requests/{id}/subjects`.' }),
});
const Merge = z.strictObject({ line, into: z.int().openapi({ description: 'Earlier line with the same identity.' }) });

const AcceptedUpload = z
  .strictObject({
    ...acceptedFields,
    submitted: acceptedFields.submitted.openapi({
      description: 'Number of submitted identities: all lines that are not blank.',
      'x-example': 4,
    }),
    lines: z
      .strictObject({
        header: z.union([z.literal('absent'), z.array(z.string()).readonly()]).openapi({
          description:
            'Names of columns that were found in the header, as the call spells them. Empty if `header=present` declares a line without them, and `absent` if the first line is a subject. No other text of the file is repeated.',
        }),
        total: z.int().openapi({ description: 'Number of lines after the header.' }),
        accepted: z.int().openapi({ description: 'Number of lines with a valid identity.' }),
        merged: z.int().openapi({ description: 'Number of lines that repeat an earlier line in the same spelling.' }),
        failed: z.int().openapi({ description: 'Number of lines that are not a valid identity.' }),
        blank: z.int().openapi({ description: 'Number of blank lines.' }),
      })
      .openapi({
        description: 'Result per line: `total` is the sum of the counts after it.',
        'x-example': { header: ['email', 'business_unit'], total: 4, accepted: 2, merged: 1, failed: 1, blank: 0 },
      }),
    failures: z.array(Failure).openapi({
      description: 'First 100 lines that are not a valid identity. `links.failures` lists all of them.',
      'x-example': [{ line: 3, reason: 'empty' }],
    }),
    mergedInto: z.array(Merge).openapi({
      description: 'First 100 duplicate lines.',
      'x-example': [{ line: 4, into: 2 }],
    }),
  })
  .openapi('AcceptedUpload');

const DESCRIPTION = `Stores a deletion or an export of the identities in a CSV file, one per line, and starts it asynchronously. It continues like a request created with \`POST /v1/requests\`. The token must cover the \`kind\` of the request.

Send the file as a \`text/csv\` body with the parameters in the query, or as \`multipart/form-data\` with the parameters as fields and \`file\` as the last part. \`notify\` is accepted in a form only, because an email address must not appear in a URL. The file is CSV (RFC 4180) in UTF-8.

The first line is the header if one of its columns has the name of \`type\` or a name in \`columns\`. Any other first line needs \`header\`, because it may be a subject. \`lines.header\` tells what was taken as the header.

An invalid line does not reject the other lines; the response lists it under \`failures\`, and \`links.failures\` lists all of them later. A file without any valid line is rejected. The maximum number of identities is \`policy.subjectsPerUpload\` for a deletion and \`policy.subjectsPerRequest\` for an export.`;

const route = createRoute({
  operationId: 'uploadSubjects',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/uploads',
  summary: 'Create a request from a CSV file',
  description: DESCRIPTION,
  request: { headers: idempotencyHeaders },
  responses: {
    202: jsonResponse(
      AcceptedUpload,
      'Accepted. The request runs asynchronously; `Location` is its path.',
      ACCEPTED_HEADERS,
    ),
    ...problemResponsesOfUpload(
      'malformed_csv',
      'too_many_subjects',
      'project_not_found',
      'subject_conflict',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

/**
 * In the document only: the validator of the library reads a form completely before the handler runs, and reports errors of
 * the query without those that depend on the project.
 */
const content = {
  'text/csv': { schema: z.string().openapi({ 'x-example': FILE_EXAMPLE }) },
  'multipart/form-data': { schema: UploadForm, examples: FORM_EXAMPLES },
};
const documented = { ...route, request: { ...route.request, query: UploadQuery, body: { required: true, content } } };

export const uploads = (deps: ApiDeps) => {
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.registerPath(documented);
  return app.openapi({ ...route, hide: true }, async (c) => {
    const caller = c.get('caller');
    const { parameters, lines } = await readUpload(c.req.raw, groupValues(c.req.queries()), bodyLimitOf(deps), {
      checkParameters: checkParameters(deps, caller),
      checkMalformed: checkMalformed(deps, caller),
    });
    const { identities, report, sha256 } = lines;
    const errors = notifyErrors(parameters.notify ?? null, identities);
    if (errors.length > 0) throw invalidRequest(errors);
    const submission = {
      ...toSubmission(deps, caller, parameters),
      selection: { by: 'identities' as const, identities },
    };
    const call = toReplayable(c.req.valid('header'), 'uploadSubjects', parameters, sha256);
    return c.json({ ...acceptedResponse(c, await startRequest(deps, caller, submission, call)), ...report }, 202);
  });
};

function toSubmission(
  deps: ApiDeps,
  caller: Caller,
  { project, subjects, expedite, reason, notify, format, ...parameters }: UploadParameters,
): Omit<Submission, 'selection'> {
  const { kind, regulation, scope, suppress, onConflict, confirm, exportFirst } = parameters;
  return {
    project: requireOwnProject(deps, caller, project),
    kind,
    subjectKind: subjects,
    regulation,
    scope,
    suppress,
    onConflict,
    confirm,
    expedite: expedite === undefined || reason === undefined ? null : { when: expedite, reason },
    format: kind === 'export' ? (format ?? 'ndjson') : null,
    notify: notify ?? null,
    exportFirst,
  };
}

/** Throws `invalid_request` with every error of the parameters, before the file is read. */
const checkParameters =
  (deps: ApiDeps, caller: Caller) =>
  ({ subjects, ...parameters }: UploadParameters, place: ValidationError['in']): UploadRules => {
    requireAccess(caller, { access: 'write', kind: parameters.kind });
    const project = requireOwnProject(deps, caller, parameters.project);
    const { subjectsPerRequest, subjectsPerUpload } = project.policy;
    const errors = parameterErrors(project, { ...parameters, subjects }, place);
    if (errors.length > 0) throw invalidRequest(errors);
    const types = identityTypesOf(project, subjects);
    const parts = identityTypeOf(types, parameters.type)?.parts ?? 1;
    const limit = parameters.kind === 'deletion' ? subjectsPerUpload : subjectsPerRequest;
    return { types, parts, limit, place };
  };

/** The errors that the schema of malformed parameters cannot find. Those of another project are not compared with this one. */
const checkMalformed =
  (deps: ApiDeps, caller: Caller) =>
  (sent: unknown, place: ValidationError['in']): readonly ValidationError[] => {
    const known = readValidParameters(sent);
    return parameterErrors(ownProjectUnlessOther(deps, caller, known.project), known, place);
  };

/** The contradictions between parameters, and the errors that depend on the project. */
function parameterErrors(
  project: Project | null,
  parameters: ValidParameters,
  place: ValidationError['in'],
): readonly ValidationError[] {
  const { type, subjects, ...terms } = parameters;
  const errors: ValidationError[] = findContradictions(parameters).map(([pointer, detail]) => ({
    in: place,
    pointer,
    code: 'custom',
    detail,
  }));
  if (project === null) return errors;
  for (const { pointer, code, detail } of termErrors(project, { ...terms, subjectKind: subjects }))
    errors.push({ in: place, pointer: pointer === '/subjects/kind' ? '/subjects' : pointer, code, detail });
  if (type === undefined || subjects === undefined) return errors;
  const types = identityTypesOf(project, subjects);
  if (identityTypeOf(types, type) === undefined)
    errors.push({ in: place, pointer: '/type', code: 'unknown_type', detail: unknownTypeText(types) });
  return errors;
}
