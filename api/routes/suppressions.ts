import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import {
  type ConfiguredSystem,
  listSuppressions,
  readSuppression,
  type SuppressionRow,
} from '../../db/suppressions/list.ts';
import { liftSuppression, placeSuppression, type SuppressionChange } from '../../db/suppressions/suppressions.ts';
import { identityTypesOf, type Project, systemsFor } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { newId, SUPPRESSION_ID } from '../../domain/ids.ts';
import { SUBJECT_KINDS, SUPPRESSION_STATES } from '../../domain/vocabulary.ts';
import { createOnce } from './create-once.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../deps.ts';
import { parseIdentity } from '../identities.ts';
import { encodeIdCursor, parseIdCursor } from '../lists/cursor.ts';
import { createPage, pageSchema } from '../lists/page.ts';
import { cursor, identity, timestamp, kind, limit, missingIn, pathId, projectName, requestId } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';

const Suppression = z.strictObject({ project: projectName, kind, identity }).openapi('Suppression');

const suppressionId = z.string().openapi({ description: 'ID of the suppression.', 'x-example': SAMPLE.suppression });
const since = timestamp.openapi({
  description: 'Time at which the suppression was placed.',
  'x-example': SAMPLE.placedAt,
});
const Placed = z.strictObject({ id: suppressionId, since, missingIn });
const Lifted = z.strictObject({
  id: suppressionId,
  liftedAt: timestamp.openapi({
    description: 'Time at which the suppressions were lifted.',
    'x-example': '2026-11-24T08:00:00.000Z',
  }),
});

/** What is stored for good. The identity is not. */
const Summary = z
  .strictObject({
    id: suppressionId,
    kind,
    requestId: z.string().nullable().openapi({
      description: 'ID of the deletion that left the suppression. Null if a member placed or lifted it.',
      'x-example': null,
    }),
    identities: z.int().openapi({
      description:
        'Number of identities, including lifted ones: 1 for a suppression of a member. Identities that Lethe compares as equal count once.',
      'x-example': 1,
    }),
    liftedIdentities: z.int().openapi({ description: 'Number of the identities that were lifted.' }),
    since: since.openapi({
      description:
        'Time at which the suppression was placed, or lifted if a member lifted what only deletions had left.',
    }),
    placedBy: z.string().nullable().openapi({
      description:
        'ID of the member who placed the suppression. Null if a deletion left it, or if a member only lifted what deletions had left.',
      'x-example': SAMPLE.member,
    }),
    liftedAt: timestamp.nullable().openapi({
      description: 'Time at which the last identity was lifted. Null while an identity is suppressed.',
      'x-example': null,
    }),
    liftedBy: z.string().nullable().openapi({
      description: 'ID of the member who lifted the last identity. Null while an identity is suppressed.',
      'x-example': null,
    }),
    missingIn: missingIn.nullable().openapi({
      description:
        'Systems that do not have the suppression: they have not applied it yet, cannot suppress, were skipped, or were configured later. Empty when every system has it, null once it is lifted.',
    }),
  })
  .openapi('SuppressionSummary');

const filters = {
  state: z.enum(SUPPRESSION_STATES).optional().openapi({
    description:
      'Matches suppressions of at least one identity (`active`), or those whose identities are all lifted (`lifted`).',
  }),
  kind: kind.optional().openapi({ description: 'Matches suppressions of subjects of this kind.' }),
  requestId: requestId.optional().openapi({ description: 'Matches suppressions that this deletion left.' }),
};

const listRoute = createRoute({
  operationId: 'listSuppressions',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'get',
  path: '/suppressions',
  summary: 'List suppressions',
  description:
    'Returns the suppressions of the project that match every filter, newest first, also lifted ones. A member places one per identity, a deletion leaves one for many subjects. `POST /v1/subjects/lookup` finds the suppressions of an identity.',
  request: { query: z.strictObject({ project: projectName.optional(), ...filters, limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Summary), 'One page of suppressions.', ['Link']),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

const getRoute = createRoute({
  operationId: 'getSuppression',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'get',
  path: '/suppressions/{id}',
  summary: 'Get a suppression',
  description: 'Returns the suppression, also if it is lifted, without the identity.',
  request: { params: pathId(SUPPRESSION_ID, 'the suppression', SAMPLE.suppression) },
  responses: {
    200: jsonResponse(Summary, 'The suppression.'),
    ...problemResponses('suppression_not_found', 'project_not_found'),
  },
});

const placeRoute = createRoute({
  operationId: 'placeSuppression',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/suppressions',
  summary: 'Place a suppression',
  description:
    'Suppresses an identity independently of any deletion and notifies every system that it must not collect the data of the identity again. Existing data is not deleted. Idempotent: a repeated call returns the existing suppression and tells which systems still lack it, and reaches systems that were configured later.',
  request: { headers: idempotencyHeaders, ...body(Suppression) },
  responses: {
    202: jsonResponse(
      Placed,
      'Accepted. The systems are notified asynchronously: `missingIn` lists those that have not applied it yet.',
      ['Location', 'Idempotency-Replayed'],
    ),
    ...problemResponsesWithBody('project_not_found', 'idempotency_key_in_use', 'idempotency_key_reused'),
  },
});

const liftRoute = createRoute({
  operationId: 'liftSuppression',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'delete',
  path: '/suppressions',
  summary: 'Lift all suppressions of an identity',
  description:
    'Lifts all suppressions of the identity, including those created by deletions, and notifies every system. Other identities of the same subject stay suppressed. Returns `suppression_not_found` if the identity is not suppressed.',
  request: body(Suppression),
  responses: {
    202: jsonResponse(Lifted, 'Accepted. The suppressions are lifted; the systems are notified asynchronously.'),
    ...problemResponsesWithBody('project_not_found', 'suppression_not_found'),
  },
});

export const suppressions = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const { project: name, limit: size, cursor: from, ...filter } = c.req.valid('query');
      const project = requireOwnProject(deps, c.get('caller'), name);
      const rows = await listSuppressions(deps.database, {
        project: project.name,
        systems: systemsOf(project),
        filter,
        after: parseIdCursor(from, SUPPRESSION_ID),
        limit: size + 1,
      });
      const { items, nextCursor } = createPage(c, rows, size, encodeIdCursor);
      return c.json({ items: items.map(summaryOf), nextCursor }, 200);
    })
    .openapi(getRoute, async (c) => {
      const { id } = c.req.valid('param');
      const project = requireOwnProject(deps, c.get('caller'));
      const search = { project: project.name, id, systems: systemsOf(project) };
      const found = SUPPRESSION_ID.test(id) ? await readSuppression(deps.database, search) : null;
      if (found === null)
        throw new DomainError(
          'suppression_not_found',
          'The project has no suppression with this id. Nothing was changed; check the id.',
        );
      return c.json(summaryOf(found), 200);
    })
    .openapi(placeRoute, async (c) => {
      const sent = c.req.valid('json');
      const change = toSuppressionChange(deps, c.get('caller'), sent);
      const call = { headers: c.req.valid('header'), operation: 'placeSuppression', parameters: sent, schema: Placed };
      const placed = await createOnce(c, deps, call, async (queries) => {
        const { id, since, missingIn } = await placeSuppression(queries, deps.keys, change);
        return { id, since, missingIn };
      });
      await deps.orchestrator.startSuppression(placed.id);
      c.header('Location', `/v1/suppressions/${placed.id}`);
      return c.json(placed, 202);
    })
    .openapi(liftRoute, async (c) => {
      const change = toSuppressionChange(deps, c.get('caller'), c.req.valid('json'));
      const { id } = await liftSuppression(deps.database, deps.keys, change);
      await deps.orchestrator.startSuppression(id);
      return c.json({ id, liftedAt: change.at }, 202);
    });

const systemsOf = (project: Project): readonly ConfiguredSystem[] =>
  SUBJECT_KINDS.flatMap((kind) => systemsFor(project, kind).map(({ name: system }) => ({ system, kind })));

const summaryOf = ({ missingIn: missing, ...row }: SuppressionRow) => ({
  ...row,
  missingIn: missing === null ? null : [...missing],
});

function toSuppressionChange(
  deps: ApiDeps,
  caller: Caller,
  requested: z.output<typeof Suppression>,
): SuppressionChange {
  const project = requireOwnProject(deps, caller, requested.project);
  const at = deps.now();
  return {
    id: newId('suppression', at.getTime()),
    project: project.name,
    kind: requested.kind,
    identity: parseIdentity(identityTypesOf(project, requested.kind), requested.identity),
    systems: systemsFor(project, requested.kind).map(({ name }) => name),
    actor: caller.memberId,
    at,
  };
}
