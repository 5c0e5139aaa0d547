import { z } from '@hono/zod-openapi';
import { EXPEDITES, EXPORT_FORMATS, ON_CONFLICT, SCOPES } from '../../../../domain/vocabulary.ts';
import { identities, kind, notify, projectName, reason, text } from '../../../schemas.ts';
import type { SentRequest } from './parse.ts';

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
      description: 'Of everyone, who is spared. An alias or an e-mail that names several spares them all.',
    }),
  })
  .refine(namesOne, ONE_OF)
  .refine((given) => given.except === undefined || given.everyone === true, {
    path: ['except'],
    message: 'goes with everyone',
  });

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
export const NewRequest = z.discriminatedUnion('kind', [NewDeletion, NewExport]).openapi('NewRequest');

/** What the other kind does not have is null or false. */
export function sentRequest(sent: z.output<typeof NewRequest>): SentRequest {
  return sent.kind === 'deletion' ? { ...sent, format: null } : { ...sent, ...NOTHING_OF_A_DELETION };
}

const NOTHING_OF_A_DELETION = {
  suppress: false,
  onConflict: 'attach',
  confirm: false,
  expedite: null,
  exportFirst: false,
} as const;
