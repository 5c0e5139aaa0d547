import { z } from '@hono/zod-openapi';
import { EXPEDITES, EXPORT_FORMATS, ON_CONFLICT, REQUEST_KINDS, SCOPES } from '../../../../domain/vocabulary.ts';
import { EXPEDITE_DESCRIPTION, valuesDescription } from '../../../openapi/descriptions.ts';
import { exactText, identities, kind, notify, projectName, reason, regulation } from '../../../schemas.ts';

const selection = {
  kind,
  identities: identities
    .optional()
    .openapi({ description: 'Selects the subjects of these identities. The policy limits their number.' }),
  segment: exactText(500).optional().openapi({
    description:
      'Selects the users of this segment, except those that are soft-deleted. An unknown segment ends the request as `failed`.',
  }),
  everyone: z
    .literal(true)
    .optional()
    .openapi({ description: 'Selects all subjects of this kind, except those that are soft-deleted.' }),
};
const hasOneSelection = (subjects: { identities?: unknown; segment?: unknown; everyone?: unknown }): boolean =>
  [subjects.identities, subjects.segment, subjects.everyone].filter((one) => one !== undefined).length === 1;
const ONE_SELECTION = { message: 'must contain exactly one of identities, segment and everyone' };

export const DeletionSubjects = z
  .strictObject({
    ...selection,
    except: identities.optional().openapi({
      description:
        'With `everyone`: identities to exclude. An identity of several subjects, such as an alias, excludes all of them.',
    }),
  })
  .refine(hasOneSelection, ONE_SELECTION)
  .refine((subjects) => subjects.except === undefined || subjects.everyone === true, {
    path: ['except'],
    message: 'requires everyone',
  });

export type SelectedSubjects = z.output<typeof DeletionSubjects>;

const common = {
  project: projectName,
  regulation,
  notify: notify.nullable().default(null),
};

const scope = z.enum(SCOPES).default('data');

const NewDeletion = z
  .strictObject({
    kind: z.literal('deletion').openapi({ description: 'Kind of request.' }),
    ...common,
    subjects: DeletionSubjects.openapi({
      description: 'Subjects to delete. Contains exactly one of `identities`, `segment` and `everyone`.',
    }),
    scope: scope.openapi({
      description: valuesDescription('What is deleted.', {
        data: 'the subjects.',
        categories: 'the values of all columns except keys. Rows remain, nothing is hidden, and collection continues.',
        sources: 'the values of columns that record how data was collected. Rows remain, as for `categories`.',
      }),
    }),
    suppress: z.boolean().default(false).openapi({
      description: 'Leaves a suppression of every deleted subject in every system. Requires scope `data`.',
    }),
    onConflict: z
      .enum(ON_CONFLICT)
      .default('attach')
      .openapi({
        description: valuesDescription('What to do if another open deletion owns a subject.', {
          attach: 'share the outcome of the other deletion.',
          reject: 'reject the request with `subject_conflict`. Requires `identities`.',
        }),
      }),
    confirm: z.boolean().default(false).openapi({
      description:
        'Dry run: counts the subjects and rows and hides nothing until `POST /v1/requests/{id}/confirm`. Required with `everyone`.',
    }),
    expedite: z
      .strictObject({ when: z.enum(EXPEDITES).openapi({ description: EXPEDITE_DESCRIPTION }), reason })
      .nullable()
      .default(null)
      .openapi({ description: 'Claims the subjects before the end of the grace period.' }),
    exportFirst: z.boolean().default(false).openapi({
      description:
        'Exports the data before the deletion: subjects are claimed only once the archive is ready. The policy may require it for every deletion.',
    }),
  })
  .openapi('NewDeletion');

const NewExport = z
  .strictObject({
    kind: z.literal('export').openapi({ description: 'Kind of request.' }),
    ...common,
    subjects: z.strictObject(selection).refine(hasOneSelection, ONE_SELECTION).openapi({
      description:
        "Subjects to export. Contains exactly one of `identities`, `segment` and `everyone`; `everyone` requires an owner's token.",
    }),
    scope: scope.openapi({
      description: valuesDescription('What is exported.', {
        data: 'the rows; for regulation `ccpa`, the rows of the last twelve months.',
        categories: 'tables and columns that hold a value, with their meaning and without any value.',
        sources: 'the columns that record how data was collected.',
      }),
    }),
    format: z
      .enum(EXPORT_FORMATS)
      .default('ndjson')
      .openapi({
        description: valuesDescription('Format of the rows in the archive.', {
          ndjson: 'lossless; can be loaded into a table again.',
          csv: 'for spreadsheets; formulas are escaped.',
        }),
      }),
  })
  .openapi('NewExport');

const MINIMAL_BODY = {
  project: 'demo',
  kind: 'deletion',
  regulation: 'gdpr',
  subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
};
const KIND = `must be deletion or export; a minimal body is ${JSON.stringify(MINIMAL_BODY)}`;

/** `kind` selects the other fields. */
const NewRequest = z.discriminatedUnion('kind', [NewDeletion, NewExport], { error: KIND }).openapi('NewRequest');
const KnownKind = z.looseObject({ kind: z.enum(REQUEST_KINDS) });
export const FieldsOfBoth = NewDeletion.omit({ kind: true }).strip();

/** Checks the other fields even when `kind` is missing or unknown, so that one response lists every error. */
export const NewRequestBody = z.preprocess((value, context) => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || KnownKind.safeParse(value).success) return value;
  for (const schema of [NewRequest, FieldsOfBoth])
    for (const issue of schema.safeParse(value).error?.issues ?? [])
      context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return value;
}, NewRequest);
export type NewRequestBody = z.output<typeof NewRequestBody>;

// RFC 8941: a quote or a backslash inside a quoted string is escaped.
const QUOTED_KEY = /^"((?:[^"\\]|\\["\\])*)"$/;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a quoted string. The quotes are optional. */
const idempotencyKey = z
  .string()
  // Twice the characters of a key, each escaped, and the quotes.
  .max(512, { abort: true })
  .transform((value) => (value.startsWith('"') ? QUOTED_KEY.exec(value)?.[1]?.replaceAll(/\\(.)/g, '$1') : value) ?? '')
  .refine((key) => KEY.test(key), { message: 'must be 1 to 255 visible ASCII characters without spaces' })
  .openapi({
    type: 'string',
    maxLength: 512,
    description:
      'Unique key of this call, such as a UUID. A repeated call with the same key and body within 24 hours creates nothing and returns what the first call created.',
    example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
  });

export const idempotencyHeaders = z.object({ 'Idempotency-Key': idempotencyKey.optional() });

export const NEW_REQUEST_EXAMPLES = {
  identities: {
    summary: 'Delete two users',
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: {
        kind: 'user',
        identities: [
          { type: 'user_id', value: 'u-17' },
          { type: 'email', value: ['ann@x.test', 'berlin'] },
        ],
      },
    },
  },
  export: {
    summary: 'Export one user and notify a colleague',
    value: {
      project: 'demo',
      kind: 'export',
      regulation: 'gdpr',
      subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
      notify: 'privacy@shop.test',
    },
  },
  exportFirst: {
    summary: 'Export one user, then delete',
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
      exportFirst: true,
    },
  },
  segment: {
    summary: 'Delete a segment at the next run and suppress its users',
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'ccpa',
      subjects: { kind: 'user', segment: 'left-in-2019' },
      suppress: true,
      expedite: { when: 'next_run', reason: 'ticket 4711' },
    },
  },
  everyone: {
    summary: 'Delete everyone except one user, after confirmation by another owner',
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: { kind: 'user', everyone: true, except: [{ type: 'user_id', value: 'u-1' }] },
      confirm: true,
    },
  },
};
