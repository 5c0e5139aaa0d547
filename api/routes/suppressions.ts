import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import { liftSuppression, placeSuppression, type SuppressionChange } from '../../db/suppressions/suppressions.ts';
import { identityTypesOf, systemsFor } from '../../domain/catalog.ts';
import { newId } from '../../domain/ids.ts';
import { createOnce } from './create-once.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../deps.ts';
import { parseIdentity } from '../identities.ts';
import { identity, timestamp, kind, missingIn, projectName } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';

const Suppression = z.strictObject({ project: projectName, kind, identity }).openapi('Suppression');

const suppressionId = z.string().openapi({ description: 'ID of the suppression.', 'x-example': SAMPLE.suppression });
const Placed = z.strictObject({
  id: suppressionId,
  since: timestamp.openapi({
    description: 'Time at which the suppression was placed.',
    'x-example': SAMPLE.placedAt,
  }),
  missingIn,
});
const Lifted = z.strictObject({
  id: suppressionId,
  liftedAt: timestamp.openapi({
    description: 'Time at which the suppressions were lifted.',
    'x-example': '2026-11-24T08:00:00.000Z',
  }),
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
      ['Idempotency-Replayed'],
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
    .openapi(placeRoute, async (c) => {
      const sent = c.req.valid('json');
      const change = toSuppressionChange(deps, c.get('caller'), sent);
      const call = { headers: c.req.valid('header'), operation: 'placeSuppression', parameters: sent, schema: Placed };
      const placed = await createOnce(c, deps, call, async (queries) => {
        const { id, since, missingIn } = await placeSuppression(queries, deps.keys, change);
        return { id, since, missingIn };
      });
      await deps.orchestrator.startSuppression(placed.id);
      return c.json(placed, 202);
    })
    .openapi(liftRoute, async (c) => {
      const change = toSuppressionChange(deps, c.get('caller'), c.req.valid('json'));
      const { id } = await liftSuppression(deps.database, deps.keys, change);
      await deps.orchestrator.startSuppression(id);
      return c.json({ id, liftedAt: change.at }, 202);
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
