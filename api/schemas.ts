import { z } from '@hono/zod-openapi';
import { MAX_ID_LENGTH, MEMBER_ID, REQUEST_ID } from '../domain/ids.ts';
import { normalizeRegulation } from '../domain/policy.ts';
import {
  hasInvisibleCharacters,
  INVISIBLE_TEXT,
  isReservedName,
  MAX_NAME_LENGTH,
  normalizeText,
  RESERVED_TEXT,
} from '../domain/text/names.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';
import { ERRORS_SHOWN } from './http/validation-errors.ts';
import { SAMPLE } from './openapi/samples.ts';

/** Schemas that several resources share. Every object rejects unknown fields. */

/** A text that readers can see completely. Its length is checked first. */
const visibleText = (maximum: number) =>
  z
    .string()
    .max(maximum, { abort: true })
    .refine((value) => !hasInvisibleCharacters(value), { abort: true, message: INVISIBLE_TEXT });

/** A text that is compared or called as it is sent: a name of the configuration, a segment, a URL. */
export const exactText = (maximum: number) =>
  visibleText(maximum)
    .min(1, { abort: true })
    .refine((value) => value.trim() !== '', { message: 'must not be blank' });

/** A text that is stored for readers: a reference, a reason. It is stored in NFC, without blanks around it. */
export const text = (maximum: number) => visibleText(maximum).overwrite(normalizeText).min(1);

/** The name of a member or a token. */
export const actorName = text(MAX_NAME_LENGTH).refine((name) => !isReservedName(name), { message: RESERVED_TEXT });

/** A text of a format. Its length is checked first, because a pattern may exhaust the stack on a long text. */
export const formatted = (maximum: number, format: z.core.$ZodCheck<string>) =>
  z.string().max(maximum, { abort: true }).check(format);

export const projectName = exactText(200).openapi({
  description: 'Name of the project: a key of `projects` in lethe.config.ts.',
  example: 'demo',
});

export const reason = text(500).openapi({
  description: 'Reason for the audit log, which keeps it permanently. Name a ticket or a rule, not a person.',
  example: 'ticket 4711',
});

export const kind = z.enum(SUBJECT_KINDS).openapi({ description: 'Kind of subject.' });

export const regulation = visibleText(100).overwrite(normalizeRegulation).openapi({
  description: 'Regulation that applies, in any case. The policy of the project sets its deadline.',
  example: 'gdpr',
});

export const notify = formatted(254, z.email()).openapi({
  description:
    'Email address of a colleague, who receives a message when the archive is ready or the request ends. Must not be the address of a subject. No response contains it.',
  example: 'privacy@shop.test',
});

/** A timestamp in a response. */
export const timestamp = z.iso.datetime();
/** A timestamp that a caller sends. */
export const sentTimestamp = formatted(40, z.iso.datetime());

/**
 * A list in a body. It is checked up to the first `ERRORS_SHOWN` errors, and up to `maximum` items: zod reports every error
 * of every item, which takes minutes and gigabytes for a large body of invalid items.
 */
export const listOf = <Item extends z.ZodType>(item: Item, maximum: number) =>
  z.preprocess(
    (value) => (Array.isArray(value) ? takeUntilErrorLimit(item, value.slice(0, maximum + 1)) : value),
    z.array(item).min(1).max(maximum),
  );

function takeUntilErrorLimit(item: z.ZodType, values: readonly unknown[]): readonly unknown[] {
  let errors = 0;
  const last = values.findIndex((value) => !item.safeParse(value).success && ++errors === ERRORS_SHOWN);
  return last < 0 ? values : values.slice(0, last + 1);
}

const identityValue = z.union([z.string(), z.array(z.string()).min(1).max(16)]).openapi({
  description:
    'A string, or one string per column of a composite type. The database compares it. Blanks around it are removed, except for types that compare exactly.',
  example: ['ann@x.test', 'berlin'],
});

/** Values are checked later, by the project's own rules, so that each error has its position. */
export const identity = z
  .strictObject({
    type: z
      .string()
      .max(200)
      .openapi({ description: 'Identity type that the data map of the project defines.', example: 'email' }),
    value: identityValue,
  })
  .openapi('Identity', { description: 'Identity of a subject.' });

/** The project's policy limits the number further; this maximum is larger than any body allows. */
export const identities = listOf(identity, 250_000);

/** An ID in a query. */
const idOf = (pattern: RegExp) => formatted(MAX_ID_LENGTH, z.regex(pattern));
export const memberId = idOf(MEMBER_ID);
export const requestId = idOf(REQUEST_ID);

export const pathId = (pattern: RegExp, resource: string, example: string) =>
  z.object({
    id: z.string().openapi({
      param: { name: 'id', in: 'path', description: `ID of ${resource}.` },
      pattern: pattern.source,
      maxLength: MAX_ID_LENGTH,
      'x-example': example,
    }),
  });
export const requestParams = pathId(REQUEST_ID, 'the request', SAMPLE.request);

export const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(200)
  .default(100)
  .openapi({ description: 'Maximum number of items in the page.' });
export const cursor = z
  .string()
  .max(200)
  .optional()
  .openapi({ description: '`nextCursor` of the previous page. Omit it to read the first page.' });

export const missingIn = z.array(z.string()).openapi({
  description:
    'Systems that do not have the suppression: they have not applied it yet, were skipped, or were configured later. Empty when every system has it.',
  'x-example': [],
});
