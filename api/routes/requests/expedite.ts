import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { EXPEDITES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../../deps.ts';
import { EXPEDITE_DESCRIPTION } from '../../openapi/descriptions.ts';
import { reason, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const Expedite = z
  .strictObject({ when: z.enum(EXPEDITES).openapi({ description: EXPEDITE_DESCRIPTION }), reason })
  .openapi('Expedite');

const Expedited = z.strictObject({
  id: fields.id,
  hardDeleteAt: fields.hardDeleteAt.openapi({ 'x-example': '2026-11-24T02:00:00.000Z' }),
});

const route = createRoute({
  operationId: 'expediteRequest',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/requests/{id}/expedite',
  summary: 'Expedite a deletion',
  description:
    'Moves the subjects that are not claimed to an earlier run, ahead of subjects that are not expedited. A later time never replaces an earlier one. Holds still apply, and a deletion with `confirm` still waits for its confirmation. The status does not change. Returns `too_late` if the request has ended or every subject is claimed.',
  request: { params: requestParams, ...body(Expedite) },
  responses: {
    202: jsonResponse(Expedited, 'Accepted. The workflow applies the new time asynchronously.'),
    ...problemResponsesWithBody('request_not_found', 'wrong_kind', 'too_late'),
  },
});

export const expedite = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    const { when, reason: given } = c.req.valid('json');
    const project = requireOwnProject(deps, c.get('caller'));
    const { hardDeleteAt, wake } = await expediteRequest(deps.database, project, {
      requestId,
      expedite: when,
      reason: given,
      actor: c.get('caller').memberId,
      at: deps.now(),
    });
    await deps.orchestrator.signalRequests(wake);
    return c.json({ id: requestId, hardDeleteAt }, 202);
  });
