import { z } from '@hono/zod-openapi';
import { REQUEST_ID } from '../domain/ids.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';
import { ERRORS_SHOWN } from './http/validation-errors.ts';
import { SAMPLE } from './openapi/samples.ts';

/** The words that several resources share. Members that are not named are refused everywhere. */

// C0, C1 and unpaired surrogates: PostgreSQL refuses some of them, and no person sees the others.
const INVISIBLE = /[\p{Cc}\p{Cs}]/u;

/** A short text of a caller's that is stored: a name, a reference, a reason. */
export const text = (maximum: number) =>
  z
    .string()
    .min(1)
    .max(maximum)
    .refine((value) => !INVISIBLE.test(value), { message: 'contains control characters or half a character' });

export const projectName = text(200).openapi({
  description: 'A key of `projects` in lethe.config.ts.',
  example: 'demo',
});

export const reason = text(500).openapi({
  description: 'Why, for the audit log, which is kept: name a ticket or a rule, never a person.',
  example: 'ticket 4711',
});

export const kind = z.enum(SUBJECT_KINDS);

export const notify = z.email().max(254).openapi({
  description: 'The e-mail address of a colleague who is told how it ends, never of a subject. It is shown to nobody.',
  example: 'privacy@shop.test',
});

export const timestamp = z.iso.datetime();

/**
 * A list in a body. It is checked up to the first `ERRORS_SHOWN` errors, and up to `most` items: zod reports every error
 * of every item, which takes minutes and gigabytes for a large body of invalid items.
 */
export const listOf = <Item extends z.ZodType>(item: Item, most: number) =>
  z.preprocess(
    (sent) => (Array.isArray(sent) ? untilErrors(item, sent.slice(0, most + 1)) : sent),
    z.array(item).min(1).max(most),
  );

function untilErrors(item: z.ZodType, sent: readonly unknown[]): readonly unknown[] {
  let errors = 0;
  const last = sent.findIndex((one) => !item.safeParse(one).success && ++errors === ERRORS_SHOWN);
  return last < 0 ? sent : sent.slice(0, last + 1);
}

/** Checked against its type by the project's own rules, so that an error can be named by its position. */
export const identity = z
  .strictObject({
    type: z.string().max(200).openapi({ example: 'email' }),
    value: z
      .union([z.string(), z.array(z.string()).min(1).max(16)])
      .openapi({ description: 'One text, or one per column of a composite type.', example: ['ann@x.test', 'berlin'] }),
  })
  .openapi('Identity');

/** How many a project takes is its policy's; more than these no body has room for. */
export const identities = listOf(identity, 250_000);

export const pathId = (pattern: RegExp, of: string, example: string) =>
  z.object({
    id: z.string().openapi({
      param: { name: 'id', in: 'path', description: `Of ${of}.` },
      pattern: pattern.source,
      'x-example': example,
    }),
  });
export const requestParams = pathId(REQUEST_ID, 'the request', SAMPLE.request);

export const limit = z.coerce.number().int().min(1).max(200).default(100).openapi({ description: 'Items of a page.' });
export const cursor = z
  .string()
  .max(200)
  .optional()
  .openapi({ description: '`nextCursor` of the page before; without it, the first.' });
