import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { listRequests as requestsOf } from '../../../db/requests/list.ts';
import { MEMBER_ID } from '../../../domain/ids.ts';
import { REQUEST_KINDS, SELECTIONS, STATUSES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { parseRequestCursor, requestCursor } from '../../lists/cursor.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../../deps.ts';
import { pageOf, pageWith } from '../../lists/page.ts';
import { anyOf, flag, timestampOf } from '../../lists/filters.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { cursor, kind, limit, projectName, text } from '../../schemas.ts';
import { fields } from './fields.ts';

const Summary = z
  .strictObject({
    id: fields.id,
    status: fields.status,
    kind: z.enum(REQUEST_KINDS).openapi({ 'x-example': 'deletion' }),
    subjectKind: kind,
    regulation: fields.regulation,
    selection: z.enum(SELECTIONS),
    submitted: fields.submitted,
    submittedBy: z.string().openapi({ description: 'Id of a member.', 'x-example': SAMPLE.member }),
    receivedAt: fields.receivedAt,
    dueAt: fields.dueAt,
    hardDeleteAt: fields.hardDeleteAt.nullable().openapi({ description: 'Null of an export.' }),
    estimatedCompletionAt: fields.estimatedCompletionAt,
    atRisk: z.boolean(),
    needsAttention: z.boolean(),
    concludedAt: fields.concludedAt,
    href: fields.href,
  })
  .openapi('RequestSummary');

const filters = {
  kind: z.enum(REQUEST_KINDS).optional().openapi({ description: 'Of this kind.' }),
  status: anyOf(STATUSES, 'In one of these statuses.'),
  regulation: text(100).optional().openapi({ description: 'Under this regulation.', example: 'gdpr' }),
  receivedFrom: timestampOf('Received not before this time.'),
  receivedBefore: timestampOf('Received before this time.'),
  submittedBy: z.string().regex(MEMBER_ID).optional().openapi({ description: 'By this member.' }),
  needsAttention: flag('Whether an operator is needed.'),
  atRisk: flag('Whether it cannot meet `dueAt`, or has not.'),
};

const route = createRoute({
  operationId: 'listRequests',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests',
  summary: 'The requests of a project, newest first.',
  description: 'All that every filter lets through. A token that is limited to some kinds of request sees those alone.',
  request: { query: z.strictObject({ project: projectName.optional(), ...filters, limit, cursor }) },
  responses: {
    200: jsonResponse(pageWith(Summary), 'One page.', ['Link']),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

export const listRequests = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { project: named, limit: size, cursor: from, ...filter } = c.req.valid('query');
    const { kinds } = c.get('caller');
    const project = ownProject(deps, c.get('caller'), named).name;
    const rows = await requestsOf(deps.database, {
      project,
      kinds,
      filter,
      now: deps.now(),
      after: parseRequestCursor(from),
      limit: size + 1,
    });
    const { items, nextCursor } = pageOf(c, rows, size, requestCursor);
    const summaries = items.map((row) => ({ ...row, href: `/v1/requests/${row.id}` }));
    return c.json({ items: summaries, nextCursor }, 200);
  });
