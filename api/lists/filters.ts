import { z } from '@hono/zod-openapi';
import { sentTimestamp } from '../schemas.ts';

/** Schemas of list filters. An omitted filter matches everything. */

/** In UTC. PostgreSQL has no year 0. */
export const timestampFilter = (description: string) =>
  sentTimestamp
    .refine((text) => !text.startsWith('0000'), { message: 'must not be in the year 0' })
    .transform((text) => new Date(text))
    .optional()
    .openapi({ description, example: '2026-11-23T00:00:00Z' });

export const booleanFilter = (description: string) =>
  z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .openapi({ type: 'boolean', description });

/** Comma-separated values. In the document: an array in the form style, not exploded. */
export const listFilter = <Value extends string>(values: readonly [Value, ...Value[]], description: string) =>
  z
    .string()
    .max(1_000)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(values)))
    .optional()
    .openapi({
      param: { style: 'form', explode: false },
      type: 'array',
      items: { type: 'string', enum: [...values] },
      description: `${description} Separate several values by commas.`,
    });
