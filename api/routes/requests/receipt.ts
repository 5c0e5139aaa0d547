import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readReceipt } from '../../../db/deletion/receipt.ts';
import { EXPORT_FORMATS } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { timestamp, requestParams } from '../../schemas.ts';
import { fields, retainedRows } from './fields.ts';

const counts = z.record(z.string(), z.int()).openapi({ 'x-example': { deleted: 2 } });
const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

const DeletionReceipt = z
  .object({
    requestId: fields.id,
    kind: z.literal('deletion'),
    subjectKind: z.string().openapi({ 'x-example': 'user' }),
    project: fields.project,
    regulation: fields.regulation,
    scope: z.string().openapi({ 'x-example': 'data' }),
    status: z.string().openapi({ 'x-example': 'completed' }),
    final: z.boolean().openapi({
      description: 'False while subjects are held, waiting or being deleted.',
      'x-example': true,
    }),
    receivedAt: fields.receivedAt,
    dueAt: fields.dueAt,
    concludedAt: timestamp.nullable().openapi({ 'x-example': '2026-12-09T02:00:05.000Z' }),
    submitted: fields.submitted,
    subjects: counts,
    outcomes: counts,
    systems: list(
      z.object({
        system: z.string(),
        state: z.string(),
        verifiedAt: timestamp.nullable(),
        skipReason: z.string().nullable().openapi({ description: 'Why an operator ended the request without it.' }),
        survivors: z.int().nullable().openapi({ description: 'Null where nobody could read it: unknown is not zero.' }),
        tables: list(
          z.object({
            table: z.string(),
            removed: z.int(),
            blanked: z.int().openapi({
              description: 'Of scope `categories` or `sources`: rows that stay, emptied of what it means.',
            }),
            retained: list(retainedRows),
          }),
        ),
      }),
    ).openapi({
      'x-example': [
        {
          system: 'app',
          state: 'verified',
          verifiedAt: SAMPLE.verifiedAt,
          skipReason: null,
          survivors: 0,
          tables: [
            { table: 'app.users', removed: 2, blanked: 0, retained: [] },
            { table: 'app.invoices', removed: 0, blanked: 0, retained: [{ basis: 'tax law, 10 years', rows: 3 }] },
          ],
        },
      ],
    }),
    backups: list(
      z.object({
        requestId: z.string(),
        status: z.string(),
        readyAt: timestamp.nullable(),
        expiresAt: timestamp.nullable(),
        subjects: z.int(),
      }),
    ).openapi({ description: 'What was exported first, and until when it can be had.', 'x-example': [] }),
    unverified: list(z.object({ system: z.string(), level: z.string(), saidAt: timestamp.nullable() })).openapi({
      'x-example': [{ system: 'mail', level: 'attested', saidAt: '2026-12-08T02:01:00.000Z' }],
    }),
    limits: list(z.string()).openapi({
      'x-example': ['What a system collects again after the last look is not covered; a suppression asks it not to.'],
    }),
  })
  .openapi('DeletionReceipt');

const Column = z.object({
  name: z.string(),
  type: z.string(),
  meaning: z.string().nullable(),
  source: z.boolean().openapi({ description: 'It tells by what means data was collected.' }),
  filled: z.int().optional().openapi({ description: 'Of `categories`: the rows in which it holds something.' }),
});

const ExportReceipt = z
  .object({
    requestId: z.string().openapi({ 'x-example': SAMPLE.export }),
    kind: z.literal('export'),
    subjectKind: z.string().openapi({ 'x-example': 'user' }),
    project: fields.project,
    regulation: fields.regulation,
    scope: z.string().openapi({ 'x-example': 'data' }),
    format: z.enum(EXPORT_FORMATS),
    csv: z
      .enum(['escaped'])
      .nullable()
      .openapi({ description: 'An apostrophe stands before what looks like a formula.', 'x-example': null }),
    receivedAt: fields.receivedAt,
    packagedAt: timestamp.openapi({ 'x-example': '2026-11-23T10:03:00.000Z' }),
    since: timestamp.nullable().openapi({
      description: 'Rows from before were left out, where a table can tell.',
      'x-example': null,
    }),
    subjects: z.int().openapi({ 'x-example': 1 }),
    systems: list(
      z.object({
        system: fields.system,
        cutOffAt: timestamp.openapi({
          description: 'All its tables stand as they stood then.',
          'x-example': '2026-11-23T10:02:00.000Z',
        }),
      }),
    ),
    notIncluded: list(z.string()).openapi({
      description: 'Systems that hold data and cannot hand it out.',
      'x-example': ['mail'],
    }),
    files: list(
      z.object({
        system: z.string(),
        table: z.string(),
        path: z.string().nullable().openapi({ description: 'In the archive; null of `categories`.' }),
        meaning: z.string().nullable(),
        columns: list(Column),
        windowed: z.boolean().openapi({ description: 'Its rows from before `since` were left out.' }),
        retained: z.string().nullable().openapi({ description: 'On what basis a deletion would keep it.' }),
        rows: z.int(),
        bytes: z.int(),
        sha256: z.string(),
      }),
    ).openapi({
      'x-example': [
        {
          system: 'app',
          table: 'app.orders',
          path: 'data/app/app.orders.ndjson',
          meaning: 'What was ordered',
          columns: [
            { name: 'order_id', type: 'bigint', meaning: null, source: false },
            { name: 'placed_at', type: 'timestamptz', meaning: 'When it was ordered', source: false },
          ],
          windowed: false,
          retained: null,
          rows: 3,
          bytes: 171,
          sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        },
      ],
    }),
  })
  .openapi('ExportReceipt');

/** What a deletion did, or what an archive holds: the evidence of each kind of request. */
const Receipt = z.discriminatedUnion('kind', [DeletionReceipt, ExportReceipt]).openapi('Receipt');

const route = createRoute({
  operationId: 'readReceipt',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/receipt',
  summary: 'The evidence: what was removed or is in the archive, what is kept and why, and what nobody could look at.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(
      Receipt,
      'Of a deletion final once it has ended, before that an interim one. Of an export its manifest.',
    ),
    ...problemResponses('request_not_found', 'no_receipt_yet'),
  },
});

export const receipt = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    return c.json(await readReceipt(deps.database, c.req.valid('param').id), 200);
  });
