import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { lookUp } from '../../db/lookup.ts';
import { identityTypesOf } from '../../domain/catalog.ts';
import { STATUSES, OUTCOMES } from '../../domain/vocabulary.ts';
import { allows } from '../auth.ts';
import { answer, body, problemsWithBody } from '../contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { knownIdentity } from '../identities.ts';
import { identity, instant, kind, projectName } from '../schemas.ts';

const Request = z.strictObject({
  id: z.string(),
  status: z.enum(STATUSES),
  outcome: z.enum(OUTCOMES).nullable(),
  receivedAt: instant,
  concludedAt: instant.nullable(),
  href: z.string(),
});

const Found = z
  .strictObject({
    openRequests: z.array(Request),
    deletions: z.array(Request).openapi({ description: 'Requests that have ended, with what became of this subject.' }),
    holds: z.array(z.strictObject({ id: z.string(), caseRef: z.string(), heldBy: z.string(), placedAt: instant })),
    suppressions: z.array(z.strictObject({ id: z.string(), requestId: z.string().nullable(), since: instant })),
  })
  .openapi('LookedUp');

const route = createRoute({
  operationId: 'lookUpSubject',
  ...allows({ access: 'read', kind: 'deletion' }),
  method: 'post',
  path: '/subjects/lookup',
  summary: 'What the ledger knows of one identity: at most the latest hundred of each.',
  description: 'Answered from keyed digests, by any identity of a subject. No system that holds data is asked.',
  request: body(z.strictObject({ project: projectName, kind, identity }).openapi('Lookup')),
  responses: { 200: answer(Found, 'Empty lists where nothing is known.'), ...problemsWithBody('project_not_found') },
});

export const lookup = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const asked = c.req.valid('json');
    const project = ownProject(deps, c.get('caller'), asked.project);
    const known = knownIdentity(identityTypesOf(project, asked.kind), asked.identity);
    const found = await lookUp(deps.database, deps.keys, { project: project.name, kind: asked.kind, identity: known });
    const requests = found.requests.map((request) => ({ ...request, href: `/v1/requests/${request.id}` }));
    return c.json(
      {
        openRequests: requests.filter((request) => request.concludedAt === null),
        deletions: requests.filter((request) => request.concludedAt !== null),
        holds: [...found.holds],
        suppressions: [...found.suppressions],
      },
      200,
    );
  });
