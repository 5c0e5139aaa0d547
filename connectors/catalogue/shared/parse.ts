import type * as z from 'zod';
import { refused } from '../../http/index.ts';

/** The value in the form of the schema. Another form is an error without values, as for `answer.read`. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw refused('unexpected_answer');
  return parsed.data;
}
