import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import { liftSuppression, placeSuppression, type SuppressionChange } from '../../db/suppressions/suppressions.ts';
import { identityTypesOf } from '../../domain/catalog.ts';
import { newId } from '../../domain/ids.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { knownIdentity } from '../identities.ts';
import { identity, timestamp, kind, projectName } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';

const Suppression = z.strictObject({ project: projectName, kind, identity }).openapi('Suppression');

const suppressionId = z.string().openapi({ 'x-example': SAMPLE.suppression });
const Placed = z.strictObject({ id: suppressionId, since: timestamp.openapi({ 'x-example': SAMPLE.placedAt }) });
const Lifted = z.strictObject({
  id: suppressionId,
  liftedAt: timestamp.openapi({ 'x-example': '2026-11-24T08:00:00.000Z' }),
});

const placeRoute = createRoute({
  operationId: 'placeSuppression',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/suppressions',
  summary: 'Refuse to collect an identity again, apart from any deletion.',
  request: body(Suppression),
  responses: {
    202: jsonResponse(Placed, 'In force here; the systems are being told.'),
    ...problemResponsesWithBody('project_not_found'),
  },
});

const liftRoute = createRoute({
  operationId: 'liftSuppression',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'delete',
  path: '/suppressions',
  summary: 'Lift every suppression of an identity, those left by deletions included.',
  request: body(Suppression),
  responses: {
    202: jsonResponse(Lifted, 'Lifted here; the systems are being told.'),
    ...problemResponsesWithBody('project_not_found', 'suppression_not_found'),
  },
});

export const suppressions = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(placeRoute, async (c) => {
      const { id, since } = await placeSuppression(
        deps.database,
        deps.keys,
        changeOf(deps, c.get('caller'), c.req.valid('json')),
      );
      await deps.orchestrator.startSuppression(id);
      return c.json({ id, since }, 202);
    })
    .openapi(liftRoute, async (c) => {
      const change = changeOf(deps, c.get('caller'), c.req.valid('json'));
      const { id } = await liftSuppression(deps.database, deps.keys, change);
      await deps.orchestrator.startSuppression(id);
      return c.json({ id, liftedAt: change.at }, 202);
    });

function changeOf(deps: ApiDeps, caller: Caller, sent: z.output<typeof Suppression>): SuppressionChange {
  const project = ownProject(deps, caller, sent.project);
  const at = deps.now();
  return {
    id: newId('suppression', at.getTime()),
    project: project.name,
    kind: sent.kind,
    identity: knownIdentity(identityTypesOf(project, sent.kind), sent.identity),
    actor: caller.memberId,
    at,
  };
}
