import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { type AfterActivity, requestLog } from '../../../db/audit/activity.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { streamCsv, shouldReturnCsv, withCsv } from '../../lists/csv-download.ts';
import { encodeActivityCursor, parseActivityCursor } from '../../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { createPage } from '../../lists/page.ts';
import { cursor, limit, requestParams } from '../../schemas.ts';
import { EVENT_COLUMNS, Events, EVENTS_CSV } from '../activity.ts';

const route = createRoute({
  operationId: 'listRequestActivity',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/log',
  summary: 'List the audit events of a request',
  description:
    'Returns the audit events of the request, oldest first. With `Accept: text/csv`, returns all of them as one CSV file.',
  request: { params: requestParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: withCsv(jsonResponse(Events, 'One page of events, or all events as CSV.', ['Link']), EVENTS_CSV),
    ...problemResponses('request_not_found', 'invalid_request'),
  },
});

export const log = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    const { limit: size, cursor: from } = c.req.valid('query');
    const read = (after: AfterActivity | null, maximum: number) =>
      requestLog(deps.database, { requestId, after, limit: maximum });
    if (shouldReturnCsv(c))
      return streamCsv(c, deps.logger, { name: `log-${requestId}`, columns: EVENT_COLUMNS, read });
    return c.json(createPage(c, await read(parseActivityCursor(from), size + 1), size, encodeActivityCursor), 200);
  });
