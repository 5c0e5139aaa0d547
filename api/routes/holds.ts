import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readHoldProject, placeHold, releaseHold } from '../../db/holds/holds.ts';
import { listHolds, readHold } from '../../db/holds/list.ts';
import { identityTypesOf } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { HOLD_ID, newId } from '../../domain/ids.ts';
import { HOLD_STATES } from '../../domain/vocabulary.ts';
import { createOnce } from './create-once.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../deps.ts';
import { parseIdentities } from '../identities.ts';
import { encodeIdCursor, parseIdCursor } from '../lists/cursor.ts';
import { createPage, pageSchema } from '../lists/page.ts';
import { cursor, identities, timestamp, kind, limit, pathId, projectName, text } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';

const caseRef = text(200).openapi({
  description: 'Reference of the case. Must not name a person, because it is stored.',
  example: 'C-7',
});
const heldBy = text(200).openapi({ description: 'Person or department that orders the hold.', example: 'counsel' });

const NewHold = z
  .strictObject({
    project: projectName,
    kind,
    identities: identities.openapi({
      description: 'Identities of the subjects. The policy limits their number. Lethe stores keyed digests only.',
    }),
    caseRef,
    heldBy,
  })
  .openapi('NewHold');

const matching = z.array(
  z.strictObject({
    requestId: z.string().openapi({ description: 'ID of the request.', 'x-example': SAMPLE.request }),
    subjects: z.int().openapi({ description: 'Number of matching subjects of the request.', 'x-example': 1 }),
  }),
);

const id = z.string().openapi({ description: 'ID of the legal hold.', 'x-example': SAMPLE.hold });
const placedAt = timestamp.openapi({
  description: 'Time from which the hold is in effect.',
  'x-example': SAMPLE.placedAt,
});

const Hold = z
  .strictObject({
    id,
    placedAt,
    matching: matching.openapi({ description: 'Requests whose subjects the hold protects.' }),
    tooLate: matching.openapi({
      description: 'Requests whose subjects were already claimed. Their deletion continues.',
      'x-example': [],
    }),
  })
  .openapi('Hold');

/** What is stored. The identities are not. */
const Summary = z
  .strictObject({
    id,
    kind,
    caseRef: z.string().openapi({ description: 'Reference of the case.', 'x-example': 'C-7' }),
    heldBy: z.string().openapi({ description: 'Person or department that ordered the hold.', 'x-example': 'counsel' }),
    identities: z.int().openapi({
      description: 'Number of identities. Identities that Lethe compares as equal count once.',
      'x-example': 1,
    }),
    placedAt,
    placedBy: z.string().openapi({ description: 'ID of the member who placed the hold.', 'x-example': SAMPLE.member }),
    releasedAt: timestamp
      .nullable()
      .openapi({ description: 'Time of the release. Null while the hold is in effect.', 'x-example': null }),
    releasedBy: z.string().nullable().openapi({
      description: 'ID of the member who released the hold. Null while the hold is in effect.',
      'x-example': null,
    }),
  })
  .openapi('HoldSummary');

const filters = {
  state: z
    .enum(HOLD_STATES)
    .optional()
    .openapi({ description: 'Matches holds in effect (`active`) or released holds (`released`).' }),
  kind: kind.optional().openapi({ description: 'Matches holds on subjects of this kind.' }),
  caseRef: caseRef.optional().openapi({ description: 'Matches holds with exactly this reference.' }),
};

const listRoute = createRoute({
  operationId: 'listHolds',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'get',
  path: '/holds',
  summary: 'List legal holds',
  description:
    'Returns the legal holds of the project that match every filter, newest first, also released ones. `caseRef` finds a hold that was placed twice for one case. `POST /v1/subjects/lookup` finds the holds of an identity.',
  request: { query: z.strictObject({ project: projectName.optional(), ...filters, limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Summary), 'One page of legal holds.', ['Link']),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

const getRoute = createRoute({
  operationId: 'getHold',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'get',
  path: '/holds/{id}',
  summary: 'Get a legal hold',
  description:
    'Returns the legal hold, also if it is released. The identities are not stored, so only their number is returned.',
  request: { params: pathId(HOLD_ID, 'the hold', SAMPLE.hold) },
  responses: {
    200: jsonResponse(Summary, 'The legal hold.'),
    ...problemResponses('hold_not_found', 'project_not_found'),
  },
});

const placeRoute = createRoute({
  operationId: 'placeHold',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/holds',
  summary: 'Place a legal hold',
  description:
    'Blocks the hard deletion of the subjects in open and future requests, from the moment of the response until the hold is released. Soft deletion is not blocked: hidden subjects stay hidden. Claimed subjects cannot be held; `tooLate` lists their requests.',
  request: { headers: idempotencyHeaders, ...body(NewHold) },
  responses: {
    201: jsonResponse(Hold, 'Created. The hold is in effect.', ['Location', 'Idempotency-Replayed']),
    ...problemResponsesWithBody(
      'project_not_found',
      'too_many_subjects',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

const releaseRoute = createRoute({
  operationId: 'releaseHold',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'delete',
  path: '/holds/{id}',
  summary: 'Release a legal hold',
  description:
    'Releases the hold. Subjects that no other hold protects and whose grace period is over are claimed at the next run. Idempotent: releasing a hold again also returns 204.',
  request: { params: pathId(HOLD_ID, 'the hold', SAMPLE.hold) },
  responses: {
    204: { description: 'Released. Overdue subjects are claimed at the next run.' },
    ...problemResponses('hold_not_found', 'project_not_found'),
  },
});

export const holds = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const { project: name, limit: size, cursor: from, ...filter } = c.req.valid('query');
      const project = requireOwnProject(deps, c.get('caller'), name).name;
      const after = parseIdCursor(from, HOLD_ID);
      const rows = await listHolds(deps.database, { project, filter, after, limit: size + 1 });
      return c.json(createPage(c, rows, size, encodeIdCursor), 200);
    })
    .openapi(getRoute, async (c) => {
      const { id } = c.req.valid('param');
      const { name } = requireOwnProject(deps, c.get('caller'));
      const hold = HOLD_ID.test(id) ? await readHold(deps.database, name, id) : null;
      if (hold === null) throw holdNotFound();
      return c.json(hold, 200);
    })
    .openapi(placeRoute, async (c) => {
      const newHold = c.req.valid('json');
      const project = requireOwnProject(deps, c.get('caller'), newHold.project);
      const limit = project.policy.subjectsPerRequest;
      const submitted = newHold.identities.length;
      if (submitted > limit) {
        throw new DomainError(
          'too_many_subjects',
          `The hold has ${submitted} identities, the limit is ${limit}. Nothing was stored; place several holds.`,
          { limit },
        );
      }
      const known = parseIdentities(identityTypesOf(project, newHold.kind), newHold.identities);
      const at = deps.now();
      const id = newId('hold', at.getTime());
      const { kind: subjectKind, caseRef, heldBy } = newHold;
      const hold = {
        id,
        project: project.name,
        kind: subjectKind,
        identities: known,
        caseRef,
        heldBy,
        actor: c.get('caller').memberId,
        at,
      };
      const call = { headers: c.req.valid('header'), operation: 'placeHold', parameters: newHold, schema: Hold };
      let woken: readonly string[] = [];
      const placed = await createOnce(c, deps, call, async (queries) => {
        const { wake, ...found } = await placeHold(queries, deps.keys, hold);
        woken = wake;
        return { id, placedAt: at, ...found };
      });
      await deps.orchestrator.signalRequests(woken);
      c.header('Location', `/v1/holds/${placed.id}`);
      return c.json(placed, 201);
    })
    .openapi(releaseRoute, async (c) => {
      const { id } = c.req.valid('param');
      const caller = c.get('caller');
      const name = HOLD_ID.test(id) ? await readHoldProject(deps.database, id) : null;
      if (name !== caller.project) throw holdNotFound();
      const { policy } = requireOwnProject(deps, caller);
      const { wake } = await releaseHold(deps.database, policy.window, { id, actor: caller.memberId, at: deps.now() });
      await deps.orchestrator.signalRequests(wake);
      return c.body(null, 204);
    });

const holdNotFound = () =>
  new DomainError('hold_not_found', 'The project has no legal hold with this id. Nothing was changed; check the id.');
