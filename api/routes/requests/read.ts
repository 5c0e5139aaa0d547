import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readRequestStatus } from '../../../db/requests/read.ts';
import {
  ATTENTION_CODES,
  EXPEDITES,
  EXPORT_FORMATS,
  REQUEST_KINDS,
  SCOPES,
  SELECTIONS,
  STATUSES,
  STEPS,
  SUBJECT_STATES,
} from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { Archive } from '../exports/archive-response.ts';
import { Confirmation } from './confirmation-response.ts';
import { statusResponse } from './status-response.ts';
import { instant, kind, requestParams } from '../../schemas.ts';
import { links } from '../../links.ts';

const Attention = z
  .strictObject({
    processor: z.string(),
    step: z.enum(STEPS),
    code: z.enum(ATTENTION_CODES),
    since: instant,
    retryAt: instant.nullable().openapi({ description: 'When it is tried again without an operator.' }),
    remedy: z.string().openapi({ description: 'What an operator can do.' }),
  })
  .openapi('Attention');

const Backup = z
  .strictObject({
    requestId: z.string(),
    status: z.enum(STATUSES),
    readyAt: instant.nullable(),
    expiresAt: instant.nullable(),
    subjects: z.int(),
  })
  .openapi('Backup');

const Status = z
  .strictObject({
    id: z.string(),
    status: z.enum(STATUSES),
    kind: z.enum(REQUEST_KINDS),
    project: z.string(),
    subjectKind: kind,
    regulation: z.string(),
    scope: z.enum(SCOPES),
    selection: z.enum(SELECTIONS),
    suppress: z.boolean(),
    expedite: z.enum(EXPEDITES).nullable(),
    exportFirst: z.boolean().openapi({ description: 'Nobody is deleted who is not in an archive that is ready.' }),
    format: z.enum(EXPORT_FORMATS).nullable().openapi({ description: 'Null of a deletion.' }),
    backupOf: z.string().nullable().openapi({ description: 'Of an export: the deletion before which it is made.' }),
    receivedAt: instant,
    resolvedAt: instant.nullable(),
    dueAt: instant,
    hardDeleteAt: instant.nullable().openapi({ description: 'Null of an export.' }),
    cancellableUntil: instant
      .nullable()
      .openapi({ description: 'The earliest run that may claim one that waits; null: none does.' }),
    estimatedCompletionAt: instant,
    atRisk: z.boolean().openapi({ description: 'It cannot meet dueAt, or has not.' }),
    concludedAt: instant.nullable(),
    failure: z.string().nullable(),
    subjects: z.strictObject({
      submitted: z.int(),
      resolved: z.int(),
      states: z.strictObject(
        Object.fromEntries(SUBJECT_STATES.map((state) => [state, z.int()])) as Record<
          (typeof SUBJECT_STATES)[number],
          z.ZodInt
        >,
      ),
    }),
    confirmation: Confirmation.nullable().openapi({ description: 'Null: it was not asked for.' }),
    heldSubjects: z.int(),
    attention: z.array(Attention),
    unverified: z
      .array(z.strictObject({ processor: z.string(), level: z.enum(['attested', 'none']), saidAt: instant.nullable() }))
      .openapi({ description: 'Processors whose emptiness is their word, not an observation.' }),
    notHiddenIn: z.array(z.string()).readonly(),
    skipped: z.array(z.strictObject({ processor: z.string(), reason: z.string().nullable(), at: instant })),
    backups: z
      .array(Backup)
      .readonly()
      .openapi({ description: 'Of a deletion that exports first: what was exported.' }),
    archive: Archive.nullable().openapi({ description: 'Of an export that is, or was, ready.' }),
    links,
  })
  .openapi('RequestStatus');

const route = createRoute({
  operationId: 'readRequest',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}',
  summary: 'Where a request stands.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(Status, 'From the ledger: true with Temporal away as well.'),
    ...problemResponses('request_not_found'),
  },
});

export const readRequest = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const status = await readRequestStatus(deps.database, c.req.valid('param').id, deps.now());
    return c.json(statusResponse(status, deps.catalog.get(status.project)), 200);
  });
