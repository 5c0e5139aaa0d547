import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { allows, requireAccess } from '../auth.ts';
import { answer, body, problemsWithBody } from '../contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { identity, instant, kind, projectName, reason, text } from '../schemas.ts';
import { startRequest } from '../start-request.ts';
import { links, linksOf } from './links.ts';

const Subjects = z
  .strictObject({
    kind,
    identities: z.array(identity).min(1).optional(),
    segment: text(500).optional(),
    everyone: z.literal(true).optional(),
    except: z.array(identity).min(1).optional().openapi({
      description: 'Of everyone, who is spared. An alias or an e-mail that names several spares them all.',
    }),
  })
  .refine(
    (given) => [given.identities, given.segment, given.everyone].filter((one) => one !== undefined).length === 1,
    {
      message: 'takes exactly one of identities, segment, everyone',
    },
  )
  .refine((given) => given.except === undefined || given.everyone === true, {
    path: ['except'],
    message: 'goes with everyone',
  });

const NewRequest = z
  .strictObject({
    project: projectName,
    kind: z.literal('deletion'),
    regulation: z.string().max(100).openapi({ example: 'gdpr' }),
    subjects: Subjects,
    scope: z.literal('data').default('data'),
    suppress: z.boolean().default(false),
    onConflict: z.enum(['attach', 'reject']).default('attach'),
    confirm: z.boolean().default(false).openapi({
      description: 'Count first, and touch nobody before `POST …/confirm`. Of everyone it has to be true.',
    }),
    expedite: z
      .strictObject({ when: z.enum(['next_run', 'now']), reason })
      .nullable()
      .default(null),
  })
  .openapi('NewRequest');

const Accepted = z
  .strictObject({
    id: z.string(),
    status: z.literal('received'),
    kind: z.literal('deletion'),
    project: z.string(),
    regulation: z.string(),
    submitted: z.int().openapi({ description: 'Identities; 0 of a segment or of everyone, until it is resolved.' }),
    receivedAt: instant,
    dueAt: instant,
    hardDeleteAt: instant,
    cancellableUntil: instant,
    estimatedCompletionAt: instant,
    atRisk: z.boolean(),
    links,
  })
  .openapi('AcceptedRequest');

const route = createRoute({
  operationId: 'createRequest',
  ...allows({ access: 'write' }),
  method: 'post',
  path: '/requests',
  summary: 'Delete subjects: hidden at once, deleted when due, looked for again.',
  request: body(NewRequest),
  responses: {
    202: answer(Accepted, 'Stored; `Location` is its status.', ['Location', 'Retry-After']),
    ...problemsWithBody('project_not_found', 'too_many_subjects', 'subject_conflict'),
  },
});

export const createRequest = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const submission = c.req.valid('json');
    const caller = c.get('caller');
    requireAccess(caller, { access: 'write', kind: submission.kind });
    const accepted = await startRequest(deps, caller, submission);
    const { id, project, regulation, submitted, receivedAt, dueAt, hardDeleteAt, estimatedCompletionAt } = accepted;
    c.header('Location', `/v1/requests/${id}`);
    c.header('Retry-After', '2');
    return c.json(
      {
        id,
        status: 'received' as const,
        kind: 'deletion' as const,
        project,
        regulation,
        submitted,
        receivedAt,
        dueAt,
        hardDeleteAt,
        cancellableUntil: hardDeleteAt,
        estimatedCompletionAt,
        atRisk: estimatedCompletionAt > dueAt,
        links: linksOf(id),
      },
      202,
    );
  });
