import { z } from '@hono/zod-openapi';
import { EXPEDITES, EXPORT_FORMATS, ON_CONFLICT, REQUEST_KINDS, SCOPES } from '../../domain/vocabulary.ts';
import { kind, notify, projectName, reason, regulation } from '../schemas.ts';
import { MAX_COLUMN, parseColumns } from './columns.ts';
import { DELIMITER_NAMES } from './dialect.ts';

const flag = (description: string) =>
  z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .openapi({ type: 'boolean', default: false, description });

const Parameters = z.strictObject({
  project: projectName.openapi({
    description: 'Project of the subjects: a key of `projects` in lethe.config.ts.',
  }),
  kind: z.enum(REQUEST_KINDS).openapi({ description: 'Kind of request.', example: 'deletion' }),
  regulation,
  subjects: kind.openapi({ description: 'Kind of all subjects in the file.' }),
  type: z.string().max(200).openapi({ description: 'Identity type of all lines.', example: 'user_id' }),
  columns: z
    .string()
    .max(1_000)
    .transform((text, context) => {
      const columns = parseColumns(text);
      if (columns === null)
        context.addIssue({
          code: 'custom',
          message: `must be a comma-separated list of column names, or of numbers from 1 to ${MAX_COLUMN}`,
        });
      return columns ?? z.NEVER;
    })
    .optional()
    .openapi({
      type: 'string',
      maxLength: 1_000,
      description:
        'Columns that hold the identity, by name or by number from 1, separated by commas. A composite type needs one column for each part. Without a header, the default is the first columns. With a header, it is the column with the name of the type, or all columns in their order if there are as many as parts; the parameter is required for other headers. A name is found in any case.',
      example: 'email,business_unit',
    }),
  header: z.enum(['present', 'absent']).optional().openapi({
    description:
      'Whether the first line that is not blank contains the names of the columns. By default it does if a column has one of the names in `columns`, or the name of the type, in any case; the parameter is required for another line, which may be a subject.',
  }),
  delimiter: z.enum(DELIMITER_NAMES).optional().openapi({
    description:
      'Character between two columns. By default it is the one after `sep=` in the first line, or the one that separates a header with these names, or a comma. The parameter is required if an identity then contains another of these characters.',
  }),
  suppress: flag(
    'For deletions: leaves a suppression of every deleted subject in every system. Requires scope `data`.',
  ),
  onConflict: z.enum(ON_CONFLICT).default('attach').openapi({
    description:
      'For deletions: what to do if another open deletion owns a subject. `attach` shares its outcome, `reject` rejects the whole upload.',
  }),
  confirm: flag(
    'For deletions, a dry run: counts the subjects and rows and hides nothing until `POST /v1/requests/{id}/confirm`.',
  ),
  expedite: z.enum(EXPEDITES).optional().openapi({
    description:
      'For deletions: claims the subjects before the end of the grace period, at the next run or now. Requires `reason`.',
  }),
  reason: reason.optional(),
  scope: z.enum(SCOPES).default('data').openapi({
    description: 'What is deleted or exported, as in `POST /v1/requests`: `data`, `categories` or `sources`.',
  }),
  format: z.enum(EXPORT_FORMATS).optional().openapi({
    description: 'For exports: format of the rows in the archive, `ndjson` (default) or `csv`.',
  }),
  exportFirst: flag(
    'For deletions: exports the data before the deletion: subjects are claimed only once the archive is ready.',
  ),
  notify: notify.optional(),
});

/** An email address must not be part of a URL, so only a form can send `notify`. */
const InQuery = Parameters.omit({ notify: true });
export const UPLOAD_PARAMETERS = { query: InQuery, body: Parameters } as const;
export type UploadParameters = z.output<typeof Parameters>;

/** The query of a `text/csv` upload. All parameters are optional in the document, because a form sends them as fields. */
export const UploadQuery = InQuery.partial();

/** Undefined for a parameter that is missing or malformed, which is an error of its own. */
export type ValidParameters = { readonly [Name in keyof UploadParameters]?: UploadParameters[Name] | undefined };

/** The parameters that are valid on their own. */
export function readValidParameters(sent: unknown): ValidParameters {
  const values = z.record(z.string(), z.unknown()).catch({}).parse(sent);
  const known: ValidParameters = Object.fromEntries(
    Object.entries(Parameters.shape).map(([name, schema]) => [name, schema.safeParse(values[name]).data]),
  );
  const isMalformed = (name: 'expedite' | 'reason') => values[name] !== undefined && known[name] === undefined;
  // One of them malformed is no contradiction to the other.
  return isMalformed('expedite') || isMalformed('reason')
    ? { ...known, expedite: undefined, reason: undefined }
    : known;
}

/** Parameters of deletions. Their defaults are accepted for exports, because a form may always send every field. */
const OF_DELETIONS: readonly (readonly [string, (parameters: ValidParameters) => boolean])[] = [
  ['suppress', ({ suppress }) => suppress === true],
  ['onConflict', ({ onConflict }) => onConflict === 'reject'],
  ['confirm', ({ confirm }) => confirm === true],
  ['expedite', ({ expedite }) => expedite !== undefined],
  ['exportFirst', ({ exportFirst }) => exportFirst === true],
];

/** Contradictions between parameters, as JSON pointers and what is wrong. */
export function findContradictions(
  parameters: ValidParameters,
): readonly (readonly [pointer: string, detail: string])[] {
  const { kind: of, expedite, reason: why, format } = parameters;
  const isOfDeletions = of === 'export' ? OF_DELETIONS.filter(([, isSet]) => isSet(parameters)) : [];
  return [
    ...((expedite === undefined) === (why === undefined)
      ? []
      : [['/reason', 'must be sent together with expedite'] as const]),
    ...(of === 'deletion' && format !== undefined ? [['/format', 'applies to exports only'] as const] : []),
    ...isOfDeletions.map(([name]) => [`/${name}`, 'applies to deletions only'] as const),
  ];
}

const FILE = {
  type: 'string',
  contentMediaType: 'text/csv',
  description: 'CSV file. It must be the last part of the form.',
} as const;
export const UploadForm = Parameters.extend({ file: z.string().openapi(FILE) });

export const FILE_EXAMPLE =
  'email,business_unit\nann@x.test,berlin\nbob@x.test,\nann@x.test,berlin\nbob@x.test,hamburg\n';

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
