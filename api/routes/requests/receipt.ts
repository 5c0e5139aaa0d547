import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readReceipt } from '../../../db/deletion/receipt.ts';
import { EXPORT_FORMATS } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { timestamp, requestParams } from '../../schemas.ts';
import {
  anonymisedRows,
  backupFields,
  fields,
  reportedAt,
  NOT_COVERED,
  STATEMENT_LEVELS,
  retainedRows,
  Suppressed,
} from './fields.ts';

const countsBy = (description: string) =>
  z.record(z.string(), z.int()).openapi({ description, 'x-example': { deleted: 2 } });
const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();
/** Text, not an enumeration: a stored receipt can contain values of an earlier version. */
const textField = (description: string, example: string) => z.string().openapi({ description, 'x-example': example });

/** Fields that both receipts share. */
const common = {
  subjectKind: textField('Kind of subject.', 'user'),
  project: fields.project,
  regulation: fields.regulation,
  scope: textField('Part of the data that the request covers: `data`, `categories` or `sources`.', 'data'),
  receivedAt: fields.receivedAt,
};

const DeletedTable = z.object({
  table: fields.table,
  removed: z
    .int()
    .nullable()
    .openapi({ description: 'Number of deleted rows. Null if the system does not report it.' }),
  requested: z.int().nullable().openapi({
    description: 'With `removed: null`, number of subjects that the system was asked to delete. Null otherwise.',
  }),
  blanked: z.int().openapi({
    description: 'Part deletion: number of rows that remain and whose columns in the scope are cleared.',
  }),
  retained: list(retainedRows).openapi({ description: 'Retained rows, with one entry per legal basis.' }),
  detached: z.int().openapi({
    description:
      'Number of rows that belong to no subject of the request and referred to one. They remain; the reference was removed or replaced.',
  }),
  anonymised: anonymisedRows.openapi({
    description: 'Own rows of the subjects that were kept, with the columns whose values were replaced.',
  }),
});

/** Nothing happened to a table in the example. */
const UNCHANGED = {
  removed: 0,
  requested: null,
  blanked: 0,
  retained: [],
  detached: 0,
  anonymised: { rows: 0, columns: [] },
};

const Proof = z.object({
  level: z.string().openapi({
    description:
      'Weakest proof of all batches. `read`: Lethe searched and found nothing. `attested`: the system reports the deletion. `person`: a person reports it. `none`: there is no report.',
  }),
  read: list(z.string()).openapi({ description: 'Tables that Lethe searched.' }),
  attested: list(z.string()).openapi({
    description: 'Data that Lethe cannot search and that only a report of the system covers.',
  }),
  saidAt: reportedAt,
  saidBy: list(z.string()).openapi({
    description: 'IDs of the members who reported it. Empty unless a person did.',
  }),
});

const DeletionSystem = z.object({
  system: fields.system,
  state: z.string().openapi({ description: 'Least advanced state of the batches in the system.' }),
  verifiedAt: timestamp.nullable().openapi({ description: 'Time of the latest verification. Null before.' }),
  skipReason: z.string().nullable().openapi({ description: 'Why an operator skipped the system. Null otherwise.' }),
  survivors: z
    .int()
    .nullable()
    .openapi({ description: 'Number of rows that verification still finds. Null if the system was not read.' }),
  proof: Proof.nullable().openapi({ description: 'Proof of the deletion. Null until the system is done.' }),
  tables: list(DeletedTable).openapi({ description: 'Rows per table.' }),
});

const DeletionReceipt = z
  .object({
    requestId: fields.id,
    kind: z.literal('deletion').openapi({ description: 'Kind of request.' }),
    subjectKind: common.subjectKind,
    project: common.project,
    regulation: common.regulation,
    scope: common.scope,
    status: textField('Status of the request.', 'completed'),
    final: z.boolean().openapi({
      description:
        'Whether the request has ended. An interim receipt changes while subjects wait or are being deleted.',
      'x-example': true,
    }),
    receivedAt: common.receivedAt,
    dueAt: fields.dueAt,
    concludedAt: fields.concludedAt.openapi({ 'x-example': '2026-12-09T02:00:05.000Z' }),
    submitted: fields.submitted,
    subjects: countsBy('Number of subjects per state.'),
    outcomes: countsBy('Number of submitted identities per outcome.'),
    systems: list(DeletionSystem).openapi({
      description: 'Result in each system.',
      'x-example': [
        {
          system: 'app',
          state: 'verified',
          verifiedAt: SAMPLE.verifiedAt,
          skipReason: null,
          survivors: 0,
          proof: {
            level: 'read',
            read: ['app.invoices', 'app.replies', 'app.users'],
            attested: [],
            saidAt: null,
            saidBy: [],
          },
          tables: [
            { ...UNCHANGED, table: 'app.users', anonymised: { rows: 2, columns: ['email', 'name'] } },
            { ...UNCHANGED, table: 'app.invoices', retained: [{ basis: 'tax law, 10 years', rows: 3 }] },
            { ...UNCHANGED, table: 'app.replies', removed: 4, detached: 5 },
          ],
        },
      ],
    }),
    backups: list(
      z.object({
        requestId: backupFields.requestId,
        status: z.string().openapi({ description: 'Status of the export.' }),
        readyAt: backupFields.readyAt,
        expiresAt: backupFields.expiresAt,
        subjects: backupFields.subjects,
      }),
    ).openapi({ description: 'Exports that preceded the deletion.', 'x-example': [] }),
    suppression: Suppressed.nullable().openapi({
      description: 'Suppressions that the deletion leaves. Null without `suppress`.',
      'x-example': null,
    }),
    notCoveredIn: list(z.string()).openapi({ description: NOT_COVERED, 'x-example': [] }),
    unverified: list(
      z.object({
        system: fields.system,
        level: z.string().openapi({ description: STATEMENT_LEVELS }),
        saidAt: reportedAt,
      }),
    ).openapi({
      description: 'Systems whose deletion Lethe cannot verify by reading.',
      'x-example': [{ system: 'mail', level: 'attested', saidAt: '2026-12-08T02:01:00.000Z' }],
    }),
    limits: list(z.string()).openapi({
      description: 'Statements about what the receipt does not cover.',
      'x-example': ['Data that a system collects again after the last verification is not covered.'],
    }),
  })
  .openapi('DeletionReceipt');

const Column = z.object({
  name: z.string().openapi({ description: 'Name of the column.' }),
  type: z.string().openapi({ description: 'Type of the column in the database.' }),
  meaning: z.string().nullable().openapi({ description: 'Meaning of the column in the data map. Null without one.' }),
  source: z.boolean().openapi({ description: 'Whether the column records how personal data was collected.' }),
  filled: z
    .int()
    .optional()
    .openapi({ description: 'Scope `categories`: number of rows in which the column has a value.' }),
});

const ExportedFile = z.object({
  system: fields.system,
  table: fields.table,
  path: z.string().nullable().openapi({
    description:
      'Path of the file in the archive, or of the folder if the table has files. Null for scope `categories`.',
  }),
  meaning: z.string().nullable().openapi({ description: 'Meaning of the table in the data map. Null without one.' }),
  columns: list(Column).openapi({ description: 'Columns of the table.' }),
  windowed: z.boolean().openapi({ description: 'Whether rows from before `since` are excluded.' }),
  retained: z
    .string()
    .nullable()
    .openapi({ description: 'Legal basis on which a deletion retains rows of the table. Null without one.' }),
  anonymised: list(z.string()).openapi({
    description: 'Columns whose values a deletion replaces while it keeps the rows. Empty if it anonymises none.',
  }),
  hasFiles: z
    .literal(true)
    .optional()
    .openapi({ description: 'The table has files instead of rows. Absent for tables with rows.' }),
  rows: z.int().openapi({ description: 'Number of rows, or of files.' }),
  bytes: z.int().openapi({ description: 'Size of the file, or of all files of the folder.' }),
  sha256: z.string().openapi({
    description: 'SHA-256 digest of the file, or of all files of the folder one after the other, in hexadecimal.',
  }),
});

const ExportReceipt = z
  .object({
    requestId: fields.id.openapi({ 'x-example': SAMPLE.export }),
    kind: z.literal('export').openapi({ description: 'Kind of request.' }),
    subjectKind: common.subjectKind,
    project: common.project,
    regulation: common.regulation,
    scope: common.scope,
    format: z.enum(EXPORT_FORMATS).openapi({ description: 'Format of the rows in the archive.' }),
    csv: z.enum(['escaped']).nullable().openapi({
      description: '`escaped`: in CSV files, an apostrophe precedes values that look like a formula. Null for NDJSON.',
      'x-example': null,
    }),
    receivedAt: common.receivedAt,
    packagedAt: timestamp.openapi({
      description: 'Time at which the archive was written.',
      'x-example': '2026-11-23T10:03:00.000Z',
    }),
    since: timestamp.nullable().openapi({
      description: 'Rows from before this time are excluded from tables with a time column. Null if none are.',
      'x-example': null,
    }),
    subjects: z.int().openapi({ description: 'Number of subjects in the archive.', 'x-example': 1 }),
    removedSubjects: z.int().openapi({
      description:
        'Number of subjects whose rows deletions removed from the archive since it became ready. `files` describes the archive before; the manifest in each download describes what that download contains.',
      'x-example': 0,
    }),
    systems: list(
      z.object({
        system: fields.system,
        cutOffAt: timestamp.openapi({
          description: 'Time of the snapshot from which all tables of the system were read.',
          'x-example': '2026-11-23T10:02:00.000Z',
        }),
      }),
    ).openapi({ description: 'Systems in the archive.' }),
    notIncluded: list(z.string()).openapi({
      description: 'Systems that hold personal data and cannot export it.',
      'x-example': ['mail'],
    }),
    files: list(ExportedFile).openapi({
      description: 'Files in the archive.',
      'x-example': [
        {
          system: 'app',
          table: 'app.orders',
          path: 'data/app/app.orders.ndjson',
          meaning: 'Orders',
          columns: [
            { name: 'order_id', type: 'bigint', meaning: null, source: false },
            { name: 'placed_at', type: 'timestamptz', meaning: 'Time of the order', source: false },
          ],
          windowed: false,
          retained: null,
          anonymised: [],
          rows: 3,
          bytes: 171,
          sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        },
      ],
    }),
  })
  .openapi('ExportReceipt');

const Receipt = z.discriminatedUnion('kind', [DeletionReceipt, ExportReceipt]).openapi('Receipt');

const route = createRoute({
  operationId: 'getReceipt',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/receipt',
  summary: 'Get the receipt of a request',
  description:
    'Returns the evidence of a request. The receipt of a deletion counts the deleted, cleared, retained, detached and anonymised rows per system and table, and lists the systems that Lethe could not verify. It is available from the first claim and final once the request has ended. The receipt of an export is the manifest of its archive. It is available once the archive is ready and outlives the archive. Returns `no_receipt_yet` before.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(Receipt, 'Receipt of a deletion (interim or final), or manifest of an export.'),
    ...problemResponses('request_not_found', 'no_receipt_yet'),
  },
});

export const receipt = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const systems = deps.catalog.get(c.get('caller').project)?.systems;
    return c.json(await readReceipt(deps.database, c.req.valid('param').id, systems), 200);
  });
