import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { holdProject, placeHold, releaseHold } from '../../db/holds/holds.ts';
import { identityTypesOf } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { HOLD_ID, newId } from '../../domain/ids.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { knownIdentities } from '../identities.ts';
import { identities, timestamp, kind, pathId, projectName, text } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';

const NewHold = z
  .strictObject({
    project: projectName,
    kind,
    identities,
    caseRef: text(200).openapi({ description: 'The case, never the person: it is kept.', example: 'C-7' }),
    heldBy: text(200).openapi({ example: 'counsel' }),
  })
  .openapi('NewHold');

const matching = z.array(
  z.strictObject({
    requestId: z.string().openapi({ 'x-example': SAMPLE.request }),
    subjects: z.int().openapi({ 'x-example': 1 }),
  }),
);

const Hold = z
  .strictObject({
    id: z.string().openapi({ 'x-example': SAMPLE.hold }),
    placedAt: timestamp.openapi({ 'x-example': SAMPLE.placedAt }),
    matching: matching.openapi({ description: 'Requests whose subjects it stops.' }),
    tooLate: matching.openapi({
      description: 'Requests whose subjects were claimed before: their deletion goes on.',
      'x-example': [],
    }),
  })
  .openapi('Hold');

const placeRoute = createRoute({
  operationId: 'placeHold',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/holds',
  summary: 'Stop the hard deletion of subjects, now and in later requests; they stay hidden.',
  request: body(NewHold),
  responses: {
    201: jsonResponse(Hold, 'In force.', ['Location']),
    ...problemResponsesWithBody('project_not_found', 'too_many_subjects'),
  },
});

const releaseRoute = createRoute({
  operationId: 'releaseHold',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'delete',
  path: '/holds/{id}',
  summary: 'Release a hold: what is overdue is deleted at the next run.',
  request: { params: pathId(HOLD_ID, 'the hold', SAMPLE.hold) },
  responses: { 204: { description: 'Released.' }, ...problemResponses('hold_not_found', 'project_not_found') },
});

export const holds = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(placeRoute, async (c) => {
      const sent = c.req.valid('json');
      const project = ownProject(deps, c.get('caller'), sent.project);
      const limit = project.policy.subjectsPerRequest;
      if (sent.identities.length > limit) {
        throw new DomainError('too_many_subjects', `a hold takes ${limit} identities`, { limit });
      }
      const known = knownIdentities(identityTypesOf(project, sent.kind), sent.identities);
      const at = deps.now();
      const id = newId('hold', at.getTime());
      const { kind: subjectKind, caseRef, heldBy } = sent;
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
      const { matching: stopped, tooLate, wake } = await placeHold(deps.database, deps.keys, hold);
      await deps.orchestrator.wake(wake);
      c.header('Location', `/v1/holds/${id}`);
      return c.json({ id, placedAt: at, matching: [...stopped], tooLate: [...tooLate] }, 201);
    })
    .openapi(releaseRoute, async (c) => {
      const { id } = c.req.valid('param');
      const caller = c.get('caller');
      const name = HOLD_ID.test(id) ? await holdProject(deps.database, id) : null;
      if (name !== caller.project) throw new DomainError('hold_not_found', 'there is no such hold');
      const { policy } = ownProject(deps, caller);
      const { wake } = await releaseHold(deps.database, policy.window, { id, actor: caller.memberId, at: deps.now() });
      await deps.orchestrator.wake(wake);
      return c.body(null, 204);
    });
