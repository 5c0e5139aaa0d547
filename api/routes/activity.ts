import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { type Activity, type AfterActivity, listActivity } from '../../db/audit/activity.ts';
import { requirePermission } from '../auth.ts';
import { jsonResponse, problemResponses } from '../openapi/contract.ts';
import { streamCsv, shouldReturnCsv, withCsv } from '../lists/csv-download.ts';
import { encodeActivityCursor, parseActivityCursor } from '../lists/cursor.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../deps.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { createPage, pageSchema } from '../lists/page.ts';
import { timestampFilter } from '../lists/filters.ts';
import { cursor, exactText, formatted, requestId, timestamp, limit, projectName } from '../schemas.ts';

const Event = z
  .strictObject({
    id: z.int().openapi({ description: 'ID of the event.', 'x-example': 4711 }),
    at: timestamp.openapi({ description: 'Time of the event.', 'x-example': SAMPLE.receivedAt }),
    requestId: z
      .string()
      .nullable()
      .openapi({ description: 'ID of the request. Null for events of no request.', 'x-example': SAMPLE.request }),
    actor: z.string().openapi({
      description: 'ID of the member who acted, or `lethe` for an automatic action.',
      'x-example': SAMPLE.member,
    }),
    actorName: z.string().nullable().openapi({
      description: 'Name of the member, even if the member was removed. Null for an automatic action.',
      'x-example': 'ann',
    }),
    action: z.string().openapi({
      description: 'Action: a noun and a verb, such as `request.received`.',
      'x-example': 'request.received',
    }),
    detail: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number())]))
      .openapi({
        description: 'Counts, positions, codes, references and reasons. Contains no identity.',
        'x-example': { selection: 'identities', submitted: 2 },
      }),
  })
  .openapi('AuditEvent');

export const Events = pageSchema(Event);

export const EVENT_COLUMNS = [
  'id',
  'at',
  'requestId',
  'actor',
  'actorName',
  'action',
  'detail',
] as const satisfies readonly (keyof Activity)[];

export const EVENTS_CSV = `id,at,requestId,actor,actorName,action,detail\n4711,${SAMPLE.receivedAt},${SAMPLE.request},${SAMPLE.member},ann,request.received,"{""selection"":""identities"",""submitted"":2}"\n`;

const filters = {
  requestId: requestId.optional().openapi({ description: 'Matches events of this request.' }),
  actor: exactText(200)
    .optional()
    .openapi({ description: 'Matches events of this member (`mem_…`), or automatic actions (`lethe`).' }),
  action: formatted(100, z.regex(/^[a-z_]+\.([a-z_]+|\*)$/))
    .optional()
    .openapi({ description: 'Matches one action, or all actions of a noun.', example: 'hold.*' }),
  from: timestampFilter('Matches events at or after this time.'),
  before: timestampFilter('Matches events before this time.'),
};

const route = createRoute({
  operationId: 'listActivity',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/activity',
  summary: 'List audit events',
  description:
    'Returns the audit events of the project that match every filter, newest first. With `Accept: text/csv`, returns all matching events as one CSV file. A token that is limited to some kinds of request sees no event of requests of other kinds.',
  request: { query: z.strictObject({ project: projectName.optional(), ...filters, limit, cursor }) },
  responses: {
    200: withCsv(jsonResponse(Events, 'One page of events, or all matching events as CSV.', ['Link']), EVENTS_CSV),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

export const activity = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { project: name, limit: size, cursor: from, ...filter } = c.req.valid('query');
    const { kinds } = c.get('caller');
    const project = requireOwnProject(deps, c.get('caller'), name).name;
    const read = (after: AfterActivity | null, maximum: number) =>
      listActivity(deps.database, { project, kinds, filter, after, limit: maximum });
    if (shouldReturnCsv(c)) return streamCsv(c, deps.logger, { name: 'activity', columns: EVENT_COLUMNS, read });
    return c.json(createPage(c, await read(parseActivityCursor(from), size + 1), size, encodeActivityCursor), 200);
  });
