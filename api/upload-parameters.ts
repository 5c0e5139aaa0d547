import { z } from '@hono/zod-openapi';
import { parseColumns } from './csv-columns.ts';
import { kind, projectName, reason } from './schemas.ts';

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((given) => given === 'true');

const Named = z.strictObject({
  project: projectName,
  kind: z.literal('deletion'),
  regulation: z.string().max(100).openapi({ example: 'gdpr' }),
  subjects: kind,
  type: z.string().max(200).openapi({ description: 'The identity type of every line.', example: 'user_id' }),
  columns: z
    .string()
    .max(1_000)
    .transform((text, context) => {
      const columns = parseColumns(text);
      if (columns === null) context.addIssue({ code: 'custom', message: 'has to list names, or numbers from 1' });
      return columns ?? z.NEVER;
    })
    .optional()
    .openapi({
      type: 'string',
      description:
        'Which columns hold the identity, by name or number from 1, separated by commas: one for each part of a composite type. Needed where a file with a header has more columns and none is called like the type.',
      example: 'user_id',
    }),
  header: z.enum(['present', 'absent']).default('present'),
  delimiter: z.enum([',', ';', 'tab']).default(','),
  suppress: flag,
  onConflict: z.enum(['attach', 'reject']).default('attach'),
  confirm: flag,
  expedite: z.enum(['next_run', 'now']).optional(),
  reason: reason.optional(),
});

/** Of a `text/csv` body they are the query, of a form its fields: which are needed is judged where they are together. */
export const UploadQuery = Named.partial();

export const UploadParameters = Named.refine(
  ({ expedite, reason: why }) => (expedite === undefined) === (why === undefined),
  { path: ['reason'], message: 'goes with expedite, and expedite with it' },
);
export type UploadParameters = z.output<typeof UploadParameters>;

const FILE = { type: 'string', contentMediaType: 'text/csv', description: 'The last part of the form.' } as const;
export const UploadForm = Named.extend({ file: z.string().openapi(FILE) }).openapi('UploadForm');
