import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { lookUp } from '../../db/subjects/lookup.ts';
import { identityTypesOf, systemsFor } from '../../domain/catalog.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../deps.ts';
import { parseIdentity } from '../identities.ts';
import { identity, timestamp, kind, missingIn, projectName } from '../schemas.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { fields, Outcome } from './requests/fields.ts';

const Request = z.strictObject({
  id: fields.id,
  kind: fields.kind,
  status: fields.status,
  outcome: Outcome,
  retained: fields.retained,
  anonymised: fields.anonymised,
  receivedAt: fields.receivedAt,
  concludedAt: fields.concludedAt,
  href: fields.href,
});

const Hold = z.strictObject({
  id: z.string().openapi({ description: 'ID of the legal hold.' }),
  caseRef: z.string().openapi({ description: 'Reference of the case.' }),
  heldBy: z.string().openapi({ description: 'Person or department that ordered the hold.' }),
  placedAt: timestamp.openapi({ description: 'Time from which the hold is in effect.' }),
});

const Suppression = z.strictObject({
  id: z.string().openapi({ description: 'ID of the suppression.' }),
  requestId: z
    .string()
    .nullable()
    .openapi({ description: 'ID of the deletion that left the suppression. Null otherwise.' }),
  since: timestamp.openapi({ description: 'Time at which the suppression was placed.' }),
  missingIn,
});

const Found = z
  .strictObject({
    openRequests: z.array(Request).openapi({ description: 'Requests that have not ended.' }),
    deletions: z.array(Request).openapi({ description: 'Deletions that have ended.', 'x-example': [] }),
    exports: z
      .array(Request)
      .openapi({ description: 'Exports that have ended, including those whose archive has expired.', 'x-example': [] }),
    holds: z.array(Hold).openapi({
      description: 'Legal holds in effect.',
      'x-example': [{ id: SAMPLE.hold, caseRef: 'C-7', heldBy: 'counsel', placedAt: SAMPLE.placedAt }],
    }),
    suppressions: z.array(Suppression).openapi({
      description: 'Suppressions that are placed and not lifted.',
      'x-example': [{ id: SAMPLE.suppression, requestId: null, since: SAMPLE.placedAt, missingIn: [] }],
    }),
  })
  .openapi('LookupResult');

const route = createRoute({
  operationId: 'lookUpSubject',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'post',
  path: '/subjects/lookup',
  summary: 'Look up an identity',
  description:
    'Returns the requests, legal holds and suppressions of the subject with this identity, at most the latest 100 of each. Any identity of the subject finds them, because Lethe stores keyed digests of all of them. No system is queried. A token that is limited to some kinds of request sees requests of these kinds only.',
  request: body(z.strictObject({ project: projectName, kind, identity }).openapi('Lookup')),
  responses: {
    200: jsonResponse(Found, 'Requests, holds and suppressions. The lists are empty for an unknown identity.'),
    ...problemResponsesWithBody('project_not_found'),
  },
});

export const lookup = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const query = c.req.valid('json');
    const project = requireOwnProject(deps, c.get('caller'), query.project);
    const known = parseIdentity(identityTypesOf(project, query.kind), query.identity);
    const found = await lookUp(deps.database, deps.keys, {
      project: project.name,
      kind: query.kind,
      identity: known,
      kinds: c.get('caller').kinds,
      systems: systemsFor(project, query.kind).map(({ name }) => name),
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
