import { z } from '@hono/zod-openapi';
import { OUTCOMES, REQUEST_KINDS, SCOPES, SELECTIONS, STATUSES } from '../../../domain/vocabulary.ts';
import { OUTCOME_DESCRIPTION, SCOPE_DESCRIPTION, STATUS_DESCRIPTION } from '../../openapi/descriptions.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { timestamp } from '../../schemas.ts';

export function linksOf(requestId: string) {
  const self = `/v1/requests/${requestId}`;
  return {
    self,
    subjects: `${self}/subjects`,
    failures: `${self}/failures`,
    progress: `${self}/progress`,
    receipt: `${self}/receipt`,
    log: `${self}/log`,
    confirm: `${self}/confirm`,
    archive: `${self}/archive`,
    downloads: `${self}/links`,
  };
}

const path = (description: string) => z.string().openapi({ description });

const links = z
  .strictObject({
    self: path('Path of the request.'),
    subjects: path('Path of the submitted identities and their outcomes.'),
    failures: path('Path of the submitted identities that are invalid.'),
    progress: path('Path of the progress.'),
    receipt: path('Path of the receipt.'),
    log: path('Path of the audit events of the request.'),
    confirm: path('Path that confirms a deletion with `confirm`.'),
    archive: path('Path that destroys the archive of an export.'),
    downloads: path('Path of the download links of an export.'),
  })
  .openapi({ description: 'Paths of the resources of the request.', 'x-example': linksOf(SAMPLE.request) });

/** Rows that a deletion retains on one legal basis. */
export const retainedRows = z.strictObject({
  basis: z.string().openapi({ description: 'Reason in the data map for retaining the rows.' }),
  rows: z.int().openapi({ description: 'Number of retained rows.' }),
});

/** Own rows of the subjects that a deletion keeps with replaced values. */
export const anonymisedRows = z.strictObject({
  rows: z.int().openapi({ description: 'Number of anonymised rows. 0 if the data map anonymises none.' }),
  columns: z
    .array(z.string())
    .readonly()
    .openapi({ description: 'Columns whose values were replaced. Empty if no row is anonymised.' }),
});

// The document refers to these components only where their use adds no metadata.
const Status = z.enum(STATUSES).openapi('Status', { description: STATUS_DESCRIPTION, 'x-example': 'grace' });
export const Outcome = z
  .enum(OUTCOMES)
  .nullable()
  .openapi('Outcome', { description: OUTCOME_DESCRIPTION, 'x-example': 'soft_deleted' });

/** Fields of a request that several responses share, with their examples. */
export const fields = {
  id: z.string().openapi({ description: 'ID of the request.', 'x-example': SAMPLE.request }),
  kind: z.enum(REQUEST_KINDS).openapi({ description: 'Kind of request.', 'x-example': 'deletion' }),
  status: Status,
  project: z.string().openapi({ description: 'Name of the project.', 'x-example': 'demo' }),
  regulation: z
    .string()
    .openapi({ description: 'Regulation that sets the deadline of the request.', 'x-example': 'gdpr' }),
  scope: z.enum(SCOPES).openapi({ description: SCOPE_DESCRIPTION }),
  selection: z.enum(SELECTIONS).openapi({ description: 'How the request selects its subjects.' }),
  system: z.string().openapi({ description: 'Name of the system.', 'x-example': 'app' }),
  table: z.string().openapi({ description: 'Name of the table.' }),
  retained: z.array(retainedRows).readonly().openapi({
    description: 'Retained rows of the deleted subjects per basis, over all systems. Empty if no row is retained.',
    'x-example': [],
  }),
  anonymised: anonymisedRows.openapi({
    description: 'Own rows of the deleted subjects that were kept with replaced values, over all systems.',
    'x-example': { rows: 0, columns: [] },
  }),
  submitted: z.int().openapi({
    description: 'Number of submitted identities. 0 for a segment or everyone until it is resolved.',
    'x-example': 2,
  }),
  receivedAt: timestamp.openapi({ description: 'Time of the submission.', 'x-example': SAMPLE.receivedAt }),
  dueAt: timestamp.openapi({
    description: 'Deadline: the time of the submission plus the deadline of the regulation in the policy.',
    'x-example': '2026-12-23T10:00:00.000Z',
  }),
  hardDeleteAt: timestamp.openapi({
    description: 'Time from which subjects may be claimed and hard-deleted.',
    'x-example': SAMPLE.hardDeleteAt,
  }),
  cancellableUntil: timestamp.openapi({
    description: 'Earliest time at which a subject may be claimed. Claimed subjects cannot be cancelled.',
    'x-example': SAMPLE.hardDeleteAt,
  }),
  estimatedCompletionAt: timestamp.openapi({
    description: 'Estimated time at which the request ends, based on the runs, the quota and the slowest system.',
    'x-example': SAMPLE.verifiedAt,
  }),
  atRisk: z.boolean().openapi({ description: 'Whether the request will miss or has missed `dueAt`.' }),
  concludedAt: timestamp
    .nullable()
    .openapi({ description: 'Time at which the request ended. Null while it is open.', 'x-example': null }),
  href: z.string().openapi({ description: 'Path of the request.', 'x-example': linksOf(SAMPLE.request).self }),
  links,
};

/** Null for exports, in responses about both kinds of request. */
export const hardDeleteAtOrNull = fields.hardDeleteAt
  .nullable()
  .openapi({ description: 'Time from which subjects may be claimed and hard-deleted. Null for exports.' });

/** One export that a deletion with `exportFirst` waits for. */
export const backupFields = {
  requestId: z.string().openapi({ description: 'ID of the export request.' }),
  readyAt: timestamp.nullable().openapi({ description: 'Time at which the archive became ready. Null before.' }),
  expiresAt: timestamp
    .nullable()
    .openapi({ description: 'Time at which the archive expires. Null until it is ready.' }),
  subjects: z.int().openapi({ description: 'Number of subjects of the export.' }),
};

/** For systems that Lethe cannot verify by reading. */
/** A deletion of a part of the data, in a system that can only delete all of it. */
export const NOT_COVERED =
  'Systems that cannot delete only this part of the data, and keep it. Empty for exports and scope `data`.';

/** Levels of statements, where Lethe does not read. */
export const STATEMENT_LEVELS =
  '`attested`: the system reports the deletion. `person`: a person reports it. `none`: there is no report.';

export const reportedAt = timestamp
  .nullable()
  .openapi({ description: 'Time of the latest report of the system. Null before the first one.' });

/** How far the suppressions of a deletion with `suppress` are. */
export const Suppressed = z
  .strictObject({
    placed: z.int().openapi({
      description: 'Number of subjects whose suppression every system has, except skipped ones.',
      'x-example': 2,
    }),
    pending: z.int().openapi({
      description:
        'Number of subjects without it: they are not deleted yet, or a system cannot be reached. 0 once the request has ended.',
      'x-example': 0,
    }),
    missingIn: z.array(z.string()).readonly().openapi({
      description: 'Systems of the request that lack a suppression: they cannot be reached yet, or were skipped.',
      'x-example': [],
    }),
  })
  .openapi('Suppressed');
