import { z } from '@hono/zod-openapi';
import { REQUEST_ID } from '../domain/ids.ts';
import { SUBJECT_KINDS } from '../domain/vocabulary.ts';

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
  description: 'Why, for the audit trail, which is kept: name a ticket or a rule, never a person.',
  example: 'ticket 4711',
});

export const kind = z.enum(SUBJECT_KINDS);

export const instant = z.iso.datetime();

/** Checked against its type by the project's own rules, so that a fault can be named by its position. */
export const identity = z
  .strictObject({
    type: z.string().max(200).openapi({ example: 'email' }),
    value: z
      .union([z.string(), z.array(z.string()).min(1).max(16)])
      .openapi({ description: 'One text, or one per column of a composite type.', example: ['ann@x.test', 'berlin'] }),
  })
  .openapi('Identity');

export const pathId = (pattern: RegExp, of: string) =>
  z.object({
    id: z.string().openapi({ param: { name: 'id', in: 'path', description: `Of ${of}.` }, pattern: pattern.source }),
  });
export const requestParams = pathId(REQUEST_ID, 'the request');

export const limit = z.coerce.number().int().min(1).max(200).default(100).openapi({ description: 'Items of a page.' });
export const cursor = z
  .string()
  .max(200)
  .optional()
  .openapi({ description: '`nextCursor` of the page before; without it, the first.' });
