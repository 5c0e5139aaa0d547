import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { listRequests as requestsOf } from '../../../db/requests/list.ts';
import { normalizeRegulation } from '../../../domain/policy.ts';
import { REQUEST_KINDS, STATUSES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { parseRequestCursor, encodeRequestCursor } from '../../lists/cursor.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../../deps.ts';
import { createPage, pageSchema } from '../../lists/page.ts';
import { listFilter, booleanFilter, timestampFilter } from '../../lists/filters.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { cursor, exactText, kind, limit, memberId, projectName } from '../../schemas.ts';
import { fields, hardDeleteAtOrNull } from './fields.ts';

const Summary = z
  .strictObject({
    id: fields.id,
    status: fields.status,
    kind: fields.kind,
    subjectKind: kind,
    regulation: fields.regulation,
    selection: fields.selection,
    submitted: fields.submitted,
    submittedBy: z
      .string()
      .openapi({ description: 'ID of the member who submitted the request.', 'x-example': SAMPLE.member }),
    receivedAt: fields.receivedAt,
    dueAt: fields.dueAt,
    hardDeleteAt: hardDeleteAtOrNull,
    estimatedCompletionAt: fields.estimatedCompletionAt,
    atRisk: fields.atRisk,
    needsAttention: z.boolean().openapi({ description: 'Whether a step needs an operator.' }),
    concludedAt: fields.concludedAt,
    href: fields.href,
  })
  .openapi('RequestSummary');

const filters = {
  kind: z.enum(REQUEST_KINDS).optional().openapi({ description: 'Matches requests of this kind.' }),
  status: listFilter(STATUSES, 'Matches requests in one of these statuses.'),
  regulation: exactText(100)
    .overwrite(normalizeRegulation)
    .optional()
    .openapi({ description: 'Matches requests under this regulation, in any case.', example: 'gdpr' }),
  receivedFrom: timestampFilter('Matches requests received at or after this time.'),
  receivedBefore: timestampFilter('Matches requests received before this time.'),
  submittedBy: memberId.optional().openapi({ description: 'Matches requests that this member submitted.' }),
  needsAttention: booleanFilter('Matches requests that need an operator (`true`) or do not (`false`).'),
  atRisk: booleanFilter('Matches requests that will miss or have missed `dueAt` (`true`) or not (`false`).'),
};

const route = createRoute({
  operationId: 'listRequests',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests',
  summary: 'List requests',
  description:
    'Returns the requests of the project that match every filter, newest first. A token that is limited to some kinds of request sees requests of these kinds only.',
  request: { query: z.strictObject({ project: projectName.optional(), ...filters, limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Summary), 'One page of requests.', ['Link']),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

export const listRequests = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { project: name, limit: size, cursor: from, ...filter } = c.req.valid('query');
    const { kinds } = c.get('caller');
    const project = requireOwnProject(deps, c.get('caller'), name).name;
    const rows = await requestsOf(deps.database, {
      project,
      kinds,
      filter,
      now: deps.now(),
      after: parseRequestCursor(from),
      limit: size + 1,
    });
    const { items, nextCursor } = createPage(c, rows, size, encodeRequestCursor);
    const summaries = items.map((row) => ({ ...row, href: `/v1/requests/${row.id}` }));
    return c.json({ items: summaries, nextCursor }, 200);
  });
