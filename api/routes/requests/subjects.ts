import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { listSubjects as subjectsOf } from '../../../db/subjects/list.ts';
import { IDENTITY_ORIGINS, OUTCOMES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { parsePositionCursor, positionCursor } from '../../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { pageOf, pageWith } from '../../lists/page.ts';
import { cursor, limit, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const value = z.array(z.string()).readonly();

const Subject = z
  .strictObject({
    position: z.int().openapi({
      description: 'In the submitted list, from 1; the subjects of a segment, or of everyone, are numbered.',
      'x-example': 2,
    }),
    line: z
      .int()
      .nullable()
      .openapi({ description: 'Of the uploaded file, where it stood in one.', 'x-example': null }),
    type: z.string().openapi({ 'x-example': 'email' }),
    value: value.nullable().openapi({
      description: 'Null where it is invalid, and for all once the request has ended.',
      'x-example': ['ann@x.test', 'berlin'],
    }),
    outcome: z
      .enum(OUTCOMES)
      .nullable()
      .openapi({ description: 'Null until it is resolved.', 'x-example': 'soft_deleted' }),
    retained: fields.retained,
    reason: z.string().nullable().openapi({ 'x-example': null }),
    duplicateOf: z.int().nullable().openapi({ 'x-example': null }),
    identityCount: z.int().openapi({ 'x-example': 2 }),
    identities: z
      .array(
        z.strictObject({
          type: z.string(),
          value,
          origin: z.enum(IDENTITY_ORIGINS),
          shared: z.boolean().openapi({ description: 'Somebody else is called the same: its data stays.' }),
        }),
      )
      .readonly()
      .openapi({
        description: 'What it pulled in: the first hundred of identityCount, until the request ends.',
        'x-example': [
          { type: 'user_id', value: ['u-23'], origin: 'key', shared: false },
          { type: 'email', value: ['ann@x.test', 'berlin'], origin: 'submitted', shared: false },
        ],
      }),
  })
  .openapi('Subject');

const route = createRoute({
  operationId: 'listSubjects',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/subjects',
  summary: 'What became of each submitted identity, by its position.',
  request: { params: requestParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageWith(Subject), 'One page.', ['Link']),
    ...problemResponses('request_not_found', 'invalid_request'),
  },
});

export const listSubjects = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId, project } = c.get('request');
    const query = c.req.valid('query');
    const after = parsePositionCursor(query.cursor);
    const rows = await subjectsOf(deps.database, { requestId, project, after, limit: query.limit + 1 });
    return c.json(
      pageOf(c, rows, query.limit, (last) => positionCursor(last.position)),
      200,
    );
  });
