import { z } from '@hono/zod-openapi';
import { EXPEDITES, ON_CONFLICT, SCOPES } from '../../domain/vocabulary.ts';
import { parseColumns } from './columns.ts';
import { kind, notify, projectName, reason } from '../schemas.ts';

const flag = (description: string) =>
  z
    .enum(['true', 'false'])
    .default('false')
    .transform((given) => given === 'true')
    .openapi({ type: 'boolean', default: false, description });

const Named = z.strictObject({
  project: projectName.openapi({ description: 'Whose subjects they are.' }),
  kind: z.literal('deletion').openapi({ description: 'What is asked for.' }),
  regulation: z
    .string()
    .max(100)
    .openapi({ description: 'By which law; it has the deadline that the project gives it.', example: 'gdpr' }),
  subjects: kind.openapi({ description: 'The kind of all the subjects.' }),
  type: z.string().max(200).openapi({ description: 'The identity type of all the lines.', example: 'user_id' }),
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
        'Which columns hold the identity, by name or by number from 1, separated by commas: one for each part of a composite type. Needed where a header names more columns and none of them is called like the type.',
      example: 'email,business_unit',
    }),
  header: z
    .enum(['present', 'absent'])
    .default('present')
    .openapi({ description: 'Whether the first line names the columns.' }),
  delimiter: z.enum([',', ';', 'tab']).default(',').openapi({ description: 'What stands between two columns.' }),
  suppress: flag('Whether they are never to be collected again.'),
  onConflict: z.enum(ON_CONFLICT).default('attach').openapi({
    description: 'What to do when another open deletion owns a subject: share its outcome, or refuse all.',
  }),
  confirm: flag('Count first, and touch nobody before `POST …/confirm`.'),
  expedite: z
    .enum(EXPEDITES)
    .optional()
    .openapi({ description: 'Not after the grace period, but so soon; with a reason.' }),
  reason: reason.optional(),
  scope: z.enum(SCOPES).default('data').openapi({
    description: 'What is deleted: the rows, or what the columns of `categories` or `sources` hold.',
  }),
  exportFirst: flag('Hide at once, and delete only who is in an archive that is ready.'),
  notify: notify.optional(),
});

/**
 * Of a `text/csv` body they are the query, of a form its fields: which are needed is judged where they are together. An
 * e-mail address does not belong into a URL: a caller that names one sends a form.
 */
export const UploadQuery = Named.omit({ notify: true }).partial();

export const UploadParameters = Named.refine(
  ({ expedite, reason: why }) => (expedite === undefined) === (why === undefined),
  { path: ['reason'], message: 'goes with expedite, and expedite with it' },
);
export type UploadParameters = z.output<typeof UploadParameters>;

const FILE = { type: 'string', contentMediaType: 'text/csv', description: 'The last part of the form.' } as const;
export const UploadForm = Named.extend({ file: z.string().openapi(FILE) });

export const FILE_EXAMPLE =
  'email,business_unit\nann@x.test,berlin\nbob@x.test,\nAnn@x.test,Berlin\nbob@x.test,hamburg\n';

export const FORM_EXAMPLES = {
  example: {
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: 'user',
      type: 'email',
      columns: 'email,business_unit',
      header: 'present',
      delimiter: ',',
      suppress: false,
      onConflict: 'attach',
      confirm: false,
      scope: 'data',
      exportFirst: false,
      notify: 'privacy@shop.test',
      file: FILE_EXAMPLE,
    },
  },
};
