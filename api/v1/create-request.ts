import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { EXPEDITES, ON_CONFLICT } from '../../domain/vocabulary.ts';
import { ACCEPTED_HEADERS, accepted, acceptedAnswer } from '../accepted.ts';
import { allows, requireAccess } from '../auth.ts';
import { answer, body, problemsWithBody } from '../contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../deps.ts';
import { idempotencyHeaders, replayable } from '../idempotency.ts';
import { identities, kind, projectName, reason, text } from '../schemas.ts';
import { startRequest } from '../start-request.ts';
import { submissionOf } from '../submission.ts';

const Subjects = z
  .strictObject({
    kind,
    identities: identities.optional(),
    segment: text(500).optional(),
    everyone: z.literal(true).optional(),
    except: identities.optional().openapi({
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
    onConflict: z.enum(ON_CONFLICT).default('attach'),
    confirm: z.boolean().default(false).openapi({
      description: 'Count first, and touch nobody before `POST …/confirm`. Of everyone it has to be true.',
    }),
    expedite: z
      .strictObject({ when: z.enum(EXPEDITES), reason })
      .nullable()
      .default(null),
  })
  .openapi('NewRequest');

const AcceptedRequest = z.strictObject(accepted).openapi('AcceptedRequest');

const route = createRoute({
  operationId: 'createRequest',
  ...allows({ access: 'write' }),
  method: 'post',
  path: '/requests',
  summary: 'Delete subjects: hidden at once, deleted when due, looked for again.',
  request: { headers: idempotencyHeaders, ...body(NewRequest) },
  responses: {
    202: answer(AcceptedRequest, 'Stored; `Location` is its status.', ACCEPTED_HEADERS),
    ...problemsWithBody(
      'project_not_found',
      'too_many_subjects',
      'subject_conflict',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

export const createRequest = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const sent = c.req.valid('json');
    const caller = c.get('caller');
    requireAccess(caller, { access: 'write', kind: sent.kind });
    const terms = { ...sent, format: null, notify: null, exportFirst: false };
    const submission = submissionOf(ownProject(deps, caller, sent.project), terms);
    const call = replayable(c.req.valid('header'), 'createRequest', sent);
    return c.json(acceptedAnswer(c, await startRequest(deps, caller, submission, call)), 202);
  });
