import { z } from '@hono/zod-openapi';
import { EXPEDITES, EXPORT_FORMATS, ON_CONFLICT, SCOPES } from '../../../../domain/vocabulary.ts';
import { identities, kind, notify, projectName, reason, text } from '../../../schemas.ts';

const whom = {
  kind,
  identities: identities.optional(),
  segment: text(500).optional(),
  everyone: z.literal(true).optional(),
};
const namesOne = (given: { identities?: unknown; segment?: unknown; everyone?: unknown }): boolean =>
  [given.identities, given.segment, given.everyone].filter((one) => one !== undefined).length === 1;
const ONE_OF = { message: 'takes exactly one of identities, segment, everyone' };

const Subjects = z
  .strictObject({
    ...whom,
    except: identities.optional().openapi({
      description: 'Of everyone, who is excluded. An alias or an e-mail that names several spares them all.',
    }),
  })
  .refine(namesOne, ONE_OF)
  .refine((given) => given.except === undefined || given.everyone === true, {
    path: ['except'],
    message: 'goes with everyone',
  });

export type SentSubjects = z.output<typeof Subjects>;

const common = {
  project: projectName,
  regulation: z.string().max(100).openapi({ example: 'gdpr' }),
  notify: notify.nullable().default(null),
};

const NewDeletion = z
  .strictObject({
    kind: z.literal('deletion'),
    ...common,
    subjects: Subjects,
    scope: z.enum(SCOPES).default('data').openapi({
      description:
        '`categories` and `sources` empty columns and keep the rows: nobody is hidden, and who comes back is collected as before.',
    }),
    suppress: z.boolean().default(false),
    onConflict: z.enum(ON_CONFLICT).default('attach'),
    confirm: z.boolean().default(false).openapi({
      description: 'Count first, and touch nobody before `POST …/confirm`. Of everyone it has to be true.',
    }),
    expedite: z
      .strictObject({ when: z.enum(EXPEDITES), reason })
      .nullable()
      .default(null),
    exportFirst: z.boolean().default(false).openapi({
      description: 'Hide at once, and delete only who is in an archive that is ready. The project may require it.',
    }),
  })
  .openapi('NewDeletion');

const NewExport = z
  .strictObject({
    kind: z.literal('export'),
    ...common,
    subjects: z
      .strictObject(whom)
      .refine(namesOne, ONE_OF)
      .openapi({ description: "Everyone is exported with an owner's token only." }),
    scope: z.enum(SCOPES).default('data').openapi({
      description:
        '`data`: the rows; under `ccpa` those of twelve months. `categories`: which tables and columns hold something, and what it means, without any value. `sources`: the columns that tell by what means data was collected.',
    }),
    format: z.enum(EXPORT_FORMATS).default('ndjson').openapi({
      description: '`ndjson` loads again to the same rows; `csv` is for spreadsheets, formulas escaped.',
    }),
  })
  .openapi('NewExport');

/** `kind` says what else there is to say. */
export const NewRequestBody = z.discriminatedUnion('kind', [NewDeletion, NewExport]).openapi('NewRequest');
export type NewRequestBody = z.output<typeof NewRequestBody>;

// RFC 8941: a quote or a backslash inside a quoted string is escaped.
const QUOTED_KEY = /^"((?:[^"\\]|\\["\\])*)"$/;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a quoted string; without quotes it is the same key. */
const idempotencyKey = z
  .string()
  .transform((sent) => (sent.startsWith('"') ? QUOTED_KEY.exec(sent)?.[1]?.replaceAll(/\\(.)/g, '$1') : sent) ?? '')
  .refine((text) => KEY.test(text), { message: 'is not a text of 1 to 255 visible ASCII characters' })
  .openapi({
    type: 'string',
    description:
      'A text of your choice for this very request, such as a UUID. Sent again within 24 hours with the same body it gives the first answer again and starts nothing.',
    example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
  });

export const idempotencyHeaders = z.object({ 'Idempotency-Key': idempotencyKey.optional() });

export const NEW_REQUEST_EXAMPLES = {
  identities: {
    summary: 'Two people, by what they are called',
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
    summary: 'What is held on one person, and a colleague who is told when it is ready',
    value: {
      project: 'demo',
      kind: 'export',
      regulation: 'gdpr',
      subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
      notify: 'privacy@shop.test',
    },
  },
  exportFirst: {
    summary: 'One person, deleted only when what is held has been exported',
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'u-17' }] },
      exportFirst: true,
    },
  },
  segment: {
    summary: 'A segment, at the next run, and never collected again',
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
    summary: 'Everyone but one, once another owner has confirmed the count',
    value: {
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: { kind: 'user', everyone: true, except: [{ type: 'user_id', value: 'u-1' }] },
      confirm: true,
    },
  },
};
