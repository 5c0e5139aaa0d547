import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { lookUp } from '../../db/subjects/lookup.ts';
import { identityTypesOf } from '../../domain/catalog.ts';
import { OUTCOMES, REQUEST_KINDS } from '../../domain/vocabulary.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { knownIdentity } from '../identities.ts';
import { identity, timestamp, kind, projectName } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { fields } from './requests/fields.ts';

const Request = z.strictObject({
  id: fields.id,
  kind: z.enum(REQUEST_KINDS),
  status: fields.status,
  outcome: z.enum(OUTCOMES).nullable().openapi({ 'x-example': 'soft_deleted' }),
  retained: fields.retained,
  receivedAt: fields.receivedAt,
  concludedAt: fields.concludedAt,
  href: fields.href,
});

const Found = z
  .strictObject({
    openRequests: z.array(Request),
    deletions: z
      .array(Request)
      .openapi({ description: 'Those that have ended, with what became of this subject.', 'x-example': [] }),
    exports: z
      .array(Request)
      .openapi({ description: 'Those whose archive has gone, or that ended without one.', 'x-example': [] }),
    holds: z
      .array(z.strictObject({ id: z.string(), caseRef: z.string(), heldBy: z.string(), placedAt: timestamp }))
      .openapi({ 'x-example': [{ id: SAMPLE.hold, caseRef: 'C-7', heldBy: 'counsel', placedAt: SAMPLE.placedAt }] }),
    suppressions: z
      .array(z.strictObject({ id: z.string(), requestId: z.string().nullable(), since: timestamp }))
      .openapi({ 'x-example': [{ id: SAMPLE.suppression, requestId: null, since: SAMPLE.placedAt }] }),
  })
  .openapi('LookedUp');

const route = createRoute({
  operationId: 'lookUpSubject',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'post',
  path: '/subjects/lookup',
  summary: 'What the ledger knows of one identity: at most the latest hundred of each.',
  description:
    'Answered from keyed digests, by any identity of a subject. No system that holds data is asked. A token that is limited to some kinds of request sees those alone.',
  request: body(z.strictObject({ project: projectName, kind, identity }).openapi('Lookup')),
  responses: {
    200: jsonResponse(Found, 'Empty lists where nothing is known.'),
    ...problemResponsesWithBody('project_not_found'),
  },
});

export const lookup = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const asked = c.req.valid('json');
    const project = ownProject(deps, c.get('caller'), asked.project);
    const known = knownIdentity(identityTypesOf(project, asked.kind), asked.identity);
    const found = await lookUp(deps.database, deps.keys, {
      project: project.name,
      kind: asked.kind,
      identity: known,
      kinds: c.get('caller').kinds,
    });
    const requests = found.requests.map((request) => ({ ...request, href: `/v1/requests/${request.id}` }));
    const ended = requests.filter((request) => request.concludedAt !== null);
    return c.json(
      {
        openRequests: requests.filter((request) => request.concludedAt === null),
        deletions: ended.filter((request) => request.kind === 'deletion'),
        exports: ended.filter((request) => request.kind === 'export'),
        holds: [...found.holds],
        suppressions: [...found.suppressions],
      },
      200,
    );
  });
