import { z } from '@hono/zod-openapi';
import { EXPORT_FORMATS } from '../../../domain/vocabulary.ts';
import { instant } from '../../schemas.ts';

const counts = z.record(z.string(), z.int());
const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

const DeletionReceipt = z
  .object({
    requestId: z.string(),
    kind: z.literal('deletion'),
    subjectKind: z.string(),
    project: z.string(),
    regulation: z.string(),
    scope: z.string(),
    status: z.string(),
    final: z.boolean().openapi({ description: 'False while subjects are held, waiting or being deleted.' }),
    receivedAt: instant,
    dueAt: instant,
    concludedAt: instant.nullable(),
    submitted: z.int(),
    subjects: counts,
    outcomes: counts,
    processors: list(
      z.object({
        processor: z.string(),
        state: z.string(),
        verifiedAt: instant.nullable(),
        skipReason: z.string().nullable().openapi({ description: 'Why an operator ended the request without it.' }),
        survivors: z.int().nullable().openapi({ description: 'Null where nobody could read it: unknown is not zero.' }),
        tables: list(
          z.object({
            table: z.string(),
            removed: z.int(),
            blanked: z.int().openapi({
              description: 'Of scope `categories` or `sources`: rows that stay, emptied of what it means.',
            }),
            retained: list(z.object({ basis: z.string(), count: z.int() })),
          }),
        ),
      }),
    ),
    backups: list(
      z.object({
        requestId: z.string(),
        status: z.string(),
        readyAt: instant.nullable(),
        expiresAt: instant.nullable(),
        subjects: z.int(),
      }),
    ).openapi({ description: 'What was exported first, and until when it can be had.' }),
    unverified: list(z.object({ processor: z.string(), level: z.string(), saidAt: instant.nullable() })),
    limits: list(z.string()),
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
    requestId: z.string(),
    kind: z.literal('export'),
    subjectKind: z.string(),
    project: z.string(),
    regulation: z.string(),
    scope: z.string(),
    format: z.enum(EXPORT_FORMATS),
    csv: z
      .enum(['escaped'])
      .nullable()
      .openapi({ description: 'An apostrophe stands before what looks like a formula.' }),
    receivedAt: instant,
    packagedAt: instant,
    since: instant.nullable().openapi({ description: 'Rows from before were left out, where a table can tell.' }),
    subjects: z.int(),
    processors: list(
      z.object({
        processor: z.string(),
        cutOffAt: instant.openapi({ description: 'All its tables stand as they stood then.' }),
      }),
    ),
    notIncluded: list(z.string()).openapi({ description: 'Processors that hold data and cannot hand it out.' }),
    files: list(
      z.object({
        processor: z.string(),
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
    ),
  })
  .openapi('ExportReceipt');

/** What a deletion did, or what an archive holds: the evidence of each kind of request. */
export const Receipt = z.discriminatedUnion('kind', [DeletionReceipt, ExportReceipt]).openapi('Receipt');
