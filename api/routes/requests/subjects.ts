import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { listFailures as failuresOf, listSubjects as subjectsOf } from '../../../db/subjects/list.ts';
import { IDENTITY_ORIGINS } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { parsePositionCursor, encodePositionCursor } from '../../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { createPage, pageSchema } from '../../lists/page.ts';
import { cursor, limit, requestParams } from '../../schemas.ts';
import { fields, Outcome } from './fields.ts';

const value = z.array(z.string()).readonly().openapi({ description: 'One string per column of the identity type.' });

const SubjectIdentity = z.strictObject({
  type: z.string().openapi({ description: 'Identity type.' }),
  value,
  origin: z.enum(IDENTITY_ORIGINS).openapi({
    description:
      'How Lethe found the identity: `key` of the subject, `submitted` with the request, further `identity` of the subject, or `alias`.',
  }),
  shared: z
    .boolean()
    .openapi({ description: 'Whether another subject has the same identity. Data under a shared identity is kept.' }),
});

const Subject = z
  .strictObject({
    position: z.int().openapi({
      description: 'Position in the submitted list, from 1. Subjects of a segment or of everyone are numbered.',
      'x-example': 2,
    }),
    line: z
      .int()
      .nullable()
      .openapi({ description: 'Line in the uploaded file. Null without an upload.', 'x-example': null }),
    type: z.string().openapi({ description: 'Identity type.', 'x-example': 'email' }),
    value: value.nullable().openapi({
      description:
        'One string per column of the identity type. Null if the value is invalid, and once its subjects are purged.',
      'x-example': ['ann@x.test', 'berlin'],
    }),
    outcome: Outcome,
    retained: fields.retained,
    anonymised: fields.anonymised,
    reason: z.string().nullable().openapi({
      description:
        'Code of the reason for outcome `invalid`, such as `ambiguous`, `not_a_uuid` or `surrounding_whitespace`. Null otherwise.',
      'x-example': null,
    }),
    duplicateOf: z
      .int()
      .nullable()
      .openapi({ description: 'Earlier position that names the same subjects. Null otherwise.', 'x-example': null }),
    identityCount: z
      .int()
      .openapi({ description: 'Number of identities of the subjects at this position.', 'x-example': 2 }),
    identities: z
      .array(SubjectIdentity)
      .readonly()
      .openapi({
        description: 'First 100 identities of the subjects. Empty once the subjects are purged.',
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
  summary: 'List the subjects of a request',
  description:
    'Returns the outcome of each submitted identity and the identities that Lethe found for it, ordered by position. The identities of a subject are purged when it is deleted and verified in every system, and all of them when the request ends. Positions and outcomes remain.',
  request: { params: requestParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Subject), 'One page of submitted identities.', ['Link']),
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
      createPage(c, rows, query.limit, (last) => encodePositionCursor(last.position)),
      200,
    );
  });

const Failure = z
  .strictObject({
    position: z.int().openapi({ description: 'Position in the submitted list, from 1.', 'x-example': 2 }),
    line: z
      .int()
      .nullable()
      .openapi({ description: 'Line in the uploaded file. Null without an upload.', 'x-example': 3 }),
    type: z.string().openapi({ description: 'Identity type.', 'x-example': 'email' }),
    reason: z.string().openapi({ description: 'Code of the reason.', 'x-example': 'empty' }),
  })
  .openapi('Failure');

const failuresRoute = createRoute({
  operationId: 'listFailures',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/failures',
  summary: 'List the invalid identities of a request',
  description:
    'Returns the submitted identities with outcome `invalid`, ordered by position: the failed lines of an upload, and identities that turn out to be ambiguous. They are kept without their values, as long as the request itself, also after it has ended.',
  request: { params: requestParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Failure), 'One page of invalid identities.', ['Link']),
    ...problemResponses('request_not_found', 'invalid_request'),
  },
});

export const listFailures = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(failuresRoute, async (c) => {
    const { id: requestId, selection } = c.get('request');
    const query = c.req.valid('query');
    const page = { requestId, after: parsePositionCursor(query.cursor), limit: query.limit + 1 };
    // Subjects of a segment or of everyone come from the directory. There can be millions, and none is invalid.
    const rows = selection === 'identities' ? await failuresOf(deps.database, page) : [];
    return c.json(
      createPage(c, rows, query.limit, (last) => encodePositionCursor(last.position)),
      200,
    );
  });
