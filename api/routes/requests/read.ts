import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readRequestStatus } from '../../../db/requests/read.ts';
import {
  ARCHIVE_ENDS,
  EXPEDITES,
  EXPORT_FORMATS,
  REQUEST_KINDS,
  SCOPES,
  SELECTIONS,
  STATUSES,
  SUBJECT_STATES,
} from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { timestamp, kind, requestParams } from '../../schemas.ts';
import { Attention } from './attention.ts';
import { Confirmation } from './confirm.ts';
import { fields } from './fields.ts';
import { statusResponse } from './status-response.ts';

const Backup = z
  .strictObject({
    requestId: z.string(),
    status: z.enum(STATUSES),
    readyAt: timestamp.nullable(),
    expiresAt: timestamp.nullable(),
    subjects: z.int(),
  })
  .openapi('Backup');

const Archive = z
  .strictObject({
    format: z.enum(EXPORT_FORMATS),
    rows: z.int(),
    bytes: z.int().openapi({ description: 'Of the ZIP, as it is downloaded.' }),
    sha256: z.string().openapi({ description: 'Of the same, in hexadecimal.' }),
    readyAt: timestamp,
    expiresAt: timestamp.openapi({ description: 'Then its key is destroyed, and nobody can read it any more.' }),
    destroyedAt: timestamp.nullable(),
    reason: z.enum(ARCHIVE_ENDS).nullable().openapi({ description: 'Why it was destroyed.' }),
  })
  .openapi('Archive');

const Subjects = z.strictObject({
  submitted: fields.submitted,
  resolved: z.int().openapi({ 'x-example': 2 }),
  states: z.strictObject(
    Object.fromEntries(
      SUBJECT_STATES.map((state) => [state, z.int().openapi({ 'x-example': state === 'soft_deleted' ? 2 : 0 })]),
    ) as Record<(typeof SUBJECT_STATES)[number], z.ZodInt>,
  ),
});

const Status = z
  .strictObject({
    id: fields.id,
    status: fields.status,
    kind: z.enum(REQUEST_KINDS).openapi({ 'x-example': 'deletion' }),
    project: fields.project,
    subjectKind: kind,
    regulation: fields.regulation,
    scope: z.enum(SCOPES),
    selection: z.enum(SELECTIONS),
    suppress: z.boolean(),
    expedite: z.enum(EXPEDITES).nullable().openapi({ 'x-example': null }),
    exportFirst: z.boolean().openapi({ description: 'Nobody is deleted who is not in an archive that is ready.' }),
    format: z.enum(EXPORT_FORMATS).nullable().openapi({ description: 'Null of a deletion.', 'x-example': null }),
    backupOf: z
      .string()
      .nullable()
      .openapi({ description: 'Of an export: the deletion before which it is made.', 'x-example': null }),
    receivedAt: fields.receivedAt,
    resolvedAt: timestamp.nullable().openapi({ 'x-example': '2026-11-23T10:00:01.000Z' }),
    dueAt: fields.dueAt,
    hardDeleteAt: fields.hardDeleteAt.nullable().openapi({ description: 'Null of an export.' }),
    cancellableUntil: fields.cancellableUntil
      .nullable()
      .openapi({ description: 'The earliest run that may claim one that waits; null: none does.' }),
    estimatedCompletionAt: fields.estimatedCompletionAt,
    atRisk: z.boolean().openapi({ description: 'It cannot meet dueAt, or has not.' }),
    concludedAt: fields.concludedAt,
    failure: z.string().nullable().openapi({ 'x-example': null }),
    subjects: Subjects,
    confirmation: Confirmation.nullable().openapi({ description: 'Null: it was not asked for.', 'x-example': null }),
    heldSubjects: z.int(),
    attention: z.array(Attention).openapi({ 'x-example': [] }),
    unverified: z
      .array(z.strictObject({ system: z.string(), level: z.enum(['attested', 'none']), saidAt: timestamp.nullable() }))
      .openapi({
        description: 'Systems whose emptiness is their word, not an observation.',
        'x-example': [{ system: 'mail', level: 'attested', saidAt: null }],
      }),
    notHiddenIn: z
      .array(z.string())
      .readonly()
      .openapi({ 'x-example': ['mail'] }),
    skipped: z
      .array(z.strictObject({ system: z.string(), reason: z.string().nullable(), at: timestamp }))
      .openapi({ 'x-example': [] }),
    backups: z
      .array(Backup)
      .readonly()
      .openapi({ description: 'Of a deletion that exports first: what was exported.', 'x-example': [] }),
    archive: Archive.nullable().openapi({ description: 'Of an export that is, or was, ready.', 'x-example': null }),
    links: fields.links,
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
    const status = await readRequestStatus(deps.database, c.get('request'), deps.now());
    return c.json(statusResponse(status, deps.catalog.get(status.project)), 200);
  });
