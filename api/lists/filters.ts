import { z } from '@hono/zod-openapi';

/** The words of filters. Each leaves out what does not match; one that is absent leaves nothing out. */

/** In UTC. PostgreSQL knows no year 0. */
export const timestampOf = (description: string) =>
  z.iso
    .datetime()
    .refine((text) => !text.startsWith('0000'), { message: 'there is no year 0' })
    .transform((text) => new Date(text))
    .optional()
    .openapi({ description, example: '2026-11-23T00:00:00Z' });

export const flag = (description: string) =>
  z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .openapi({ type: 'boolean', description });

/** `one,another`: in the document an array in the form style, not exploded. */
export const anyOf = <Word extends string>(words: readonly [Word, ...Word[]], description: string) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(words)))
    .optional()
    .openapi({
      param: { style: 'form', explode: false },
      type: 'array',
      items: { type: 'string', enum: [...words] },
      description: `${description} Several are separated by commas.`,
    });
