import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readRequestStatus } from '../../../db/requests/read.ts';
import {
  ARCHIVE_ENDS,
  EXPEDITES,
  EXPORT_FORMATS,
  SUBJECT_STATES,
  type SubjectState,
  WAIT_REASONS,
} from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import { EXPEDITE_DESCRIPTION, STATE_DESCRIPTIONS, WAIT_DESCRIPTION } from '../../openapi/descriptions.ts';
import { timestamp, kind, requestParams } from '../../schemas.ts';
import { Attention } from './attention.ts';
import { Confirmation } from './confirm.ts';
import {
  backupFields,
  fields,
  hardDeleteAtOrNull,
  reportedAt,
  NOT_COVERED,
  STATEMENT_LEVELS,
  Suppressed,
} from './fields.ts';
import { statusResponse } from './status-response.ts';

const Backup = z
  .strictObject({
    requestId: backupFields.requestId,
    status: fields.status,
    readyAt: backupFields.readyAt,
    expiresAt: backupFields.expiresAt,
    subjects: backupFields.subjects,
  })
  .openapi('Backup');

const format = z.enum(EXPORT_FORMATS).openapi({ description: 'Format of the rows in the archive.' });

const Archive = z
  .strictObject({
    format,
    removedSubjects: z.int().openapi({
      description:
        'Number of subjects whose rows deletions removed from the archive since it became ready. If it is not 0, `rows`, `bytes` and `sha256` are null; the manifest in each download has the current figures.',
    }),
    rows: z.int().nullable().openapi({ description: 'Number of rows. Null if subjects were removed.' }),
    bytes: z
      .int()
      .nullable()
      .openapi({ description: 'Size of the ZIP file as downloaded. Null if subjects were removed.' }),
    sha256: z.string().nullable().openapi({
      description: 'SHA-256 digest of the ZIP file as downloaded, in hexadecimal. Null if subjects were removed.',
    }),
    readyAt: timestamp.openapi({ description: 'Time at which the archive became ready.' }),
    expiresAt: timestamp.openapi({
      description: 'Time at which Lethe destroys the archive key. The archive cannot be read from then on.',
    }),
    destroyedAt: timestamp
      .nullable()
      .openapi({ description: 'Time at which the archive key was destroyed. Null while the archive can be read.' }),
    reason: z.enum(ARCHIVE_ENDS).nullable().openapi({
      description:
        'Why the archive key was destroyed: it expired, deletions claimed all subjects of the archive, or a member destroyed it. Null before.',
    }),
  })
  .openapi('Archive');

const stateCount = (state: SubjectState) =>
  z.int().openapi({ description: STATE_DESCRIPTIONS[state], 'x-example': state === 'soft_deleted' ? 2 : 0 });

const Subjects = z.strictObject({
  submitted: fields.submitted,
  resolved: z.int().openapi({ description: 'Number of subjects that the request resolved to.', 'x-example': 2 }),
  states: z
    .strictObject(
      Object.fromEntries(SUBJECT_STATES.map((state) => [state, stateCount(state)])) as Record<SubjectState, z.ZodInt>,
    )
    .openapi({ description: 'Number of subjects per state.' }),
});

const Unverified = z.strictObject({
  system: fields.system,
  level: z.enum(['attested', 'person', 'none']).openapi({ description: STATEMENT_LEVELS }),
  saidAt: reportedAt,
});

const Wait = z
  .strictObject({
    system: fields.system,
    reason: z.enum(WAIT_REASONS).openapi({ description: WAIT_DESCRIPTION }),
    since: timestamp.openapi({ description: 'Time since which a step waits.' }),
    until: timestamp.nullable().openapi({
      description: 'Time at which the request continues. Null until the system is called again.',
    }),
  })
  .openapi('Wait');

const Skipped = z.strictObject({
  system: fields.system,
  reason: z.string().nullable().openapi({ description: 'Reason that the operator gave.' }),
  at: timestamp.openapi({ description: 'Time of the skip.' }),
});

const Status = z
  .strictObject({
    id: fields.id,
    status: fields.status,
    kind: fields.kind,
    project: fields.project,
    subjectKind: kind,
    regulation: fields.regulation,
    scope: fields.scope,
    selection: fields.selection,
    suppress: z.boolean().openapi({ description: 'Whether the deletion leaves a suppression in every system.' }),
    expedite: z
      .enum(EXPEDITES)
      .nullable()
      .openapi({ description: `${EXPEDITE_DESCRIPTION}\n\nNull if the request is not expedited.`, 'x-example': null }),
    exportFirst: z
      .boolean()
      .openapi({ description: 'Whether the deletion claims only subjects whose data is in an archive that is ready.' }),
    format: format
      .nullable()
      .openapi({ description: 'Format of the rows in the archive. Null for deletions.', 'x-example': null }),
    backupOf: z.string().nullable().openapi({
      description: 'ID of the deletion that waits for this export. Null for deletions and other exports.',
      'x-example': null,
    }),
    receivedAt: fields.receivedAt,
    resolvedAt: timestamp.nullable().openapi({
      description: 'Time at which the subjects were resolved. Null before.',
      'x-example': '2026-11-23T10:00:01.000Z',
    }),
    dueAt: fields.dueAt,
    hardDeleteAt: hardDeleteAtOrNull,
    cancellableUntil: fields.cancellableUntil.nullable().openapi({
      description: 'Earliest run that may claim a subject that waits. Null if no subject waits.',
    }),
    estimatedCompletionAt: fields.estimatedCompletionAt,
    atRisk: fields.atRisk,
    concludedAt: fields.concludedAt,
    failure: z.string().nullable().openapi({
      description:
        'Why the request failed: `unknown_segment` if the directory has no segment of this name, `too_many_subjects` if it has more than `policy.subjectsPerSegment` subjects, `no_valid_identity` if it names no subject and an identity belongs to several subjects, or all identities are invalid. Null unless the status is `failed`.',
      'x-example': null,
    }),
    subjects: Subjects.openapi({ description: 'Number of subjects, in total and per state.' }),
    confirmation: Confirmation.nullable().openapi({
      description: 'Count and confirmation of a deletion with `confirm`. Null for other requests.',
      'x-example': null,
    }),
    heldSubjects: z.int().openapi({ description: 'Number of subjects that a legal hold protects.' }),
    attention: z
      .array(Attention)
      .openapi({ description: 'Steps that need an operator. The other steps continue.', 'x-example': [] }),
    waits: z.array(Wait).openapi({
      description:
        'Systems that no step of the request calls now, and tasks of people. The request continues by itself.',
      'x-example': [],
    }),
    unverified: z.array(Unverified).openapi({
      description: 'Systems whose deletion Lethe cannot verify by reading. They report it themselves or not at all.',
      'x-example': [{ system: 'mail', level: 'attested', saidAt: null }],
    }),
    notHiddenIn: z
      .array(z.string())
      .readonly()
      .openapi({
        description: 'Systems in which the subjects are not hidden. Empty for exports and part deletions.',
        'x-example': ['mail'],
      }),
    notCoveredIn: z.array(z.string()).openapi({ description: NOT_COVERED, 'x-example': [] }),
    skipped: z.array(Skipped).openapi({ description: 'Systems that an operator skipped.', 'x-example': [] }),
    backups: z.array(Backup).readonly().openapi({
      description: 'Exports that a deletion with `exportFirst` waits for. Empty for other requests.',
      'x-example': [],
    }),
    suppression: Suppressed.nullable().openapi({
      description: 'Suppressions that the deletion leaves. Null without `suppress`.',
      'x-example': null,
    }),
    archive: Archive.nullable().openapi({
      description: 'Archive of an export. Null for deletions and until the archive is ready for the first time.',
      'x-example': null,
    }),
    links: fields.links,
  })
  .openapi('RequestStatus');

const route = createRoute({
  operationId: 'getRequest',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}',
  summary: 'Get a request',
  description:
    'Returns the status, the dates and the counts of the request from the database of Lethe. The response does not depend on Temporal.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(Status, 'Status of the request.'),
    ...problemResponses('request_not_found'),
  },
});

export const readRequest = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const status = await readRequestStatus(deps.database, c.get('request'), deps.now());
    return c.json(statusResponse(status, deps.catalog.get(status.project)), 200);
  });
