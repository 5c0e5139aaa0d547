import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { listRequests as requestsOf } from '../../db/list-requests.ts';
import { DELETION_STATUSES } from '../../domain/vocabulary.ts';
import { allows } from '../auth.ts';
import { answer, problems } from '../contract.ts';
import { parseRequestCursor, requestCursor } from '../cursor.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { cursor, instant, kind, limit, projectName } from '../schemas.ts';

const Summary = z
  .strictObject({
    id: z.string(),
    status: z.enum(DELETION_STATUSES),
    kind: z.literal('deletion'),
    subjectKind: kind,
    regulation: z.string(),
    submitted: z.int(),
    receivedAt: instant,
    dueAt: instant,
    hardDeleteAt: instant,
    estimatedCompletionAt: instant,
    atRisk: z.boolean(),
    needsAttention: z.boolean(),
    concludedAt: instant.nullable(),
    href: z.string(),
  })
  .openapi('RequestSummary');

const route = createRoute({
  operationId: 'listRequests',
  ...allows({ access: 'read' }),
  method: 'get',
  path: '/requests',
  summary: 'The requests of a project, newest first.',
  request: { query: z.strictObject({ project: projectName, limit, cursor }) },
  responses: {
    200: answer(z.strictObject({ items: z.array(Summary), nextCursor: z.string().nullable() }), 'One page.', ['Link']),
    ...problems('project_not_found', 'invalid_request'),
  },
});

export const listRequests = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const query = c.req.valid('query');
    const project = ownProject(deps, c.get('caller'), query.project).name;
    const after = parseRequestCursor(query.cursor);
    const rows = await requestsOf(deps.database, { project, after, limit: query.limit + 1 });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > query.limit && last !== undefined ? requestCursor(last) : null;
    if (nextCursor !== null) {
      const next = new URLSearchParams({ project, limit: String(query.limit), cursor: nextCursor });
      c.header('Link', `</v1/requests?${next.toString()}>; rel="next"`);
    }
    const now = deps.now();
    const summaries = items.map((row) => ({
      ...row,
      kind: 'deletion' as const,
      atRisk: row.concludedAt === null && (row.estimatedCompletionAt > row.dueAt || now > row.dueAt),
      href: `/v1/requests/${row.id}`,
    }));
    return c.json({ items: summaries, nextCursor }, 200);
  });
