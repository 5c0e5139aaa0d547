import { z } from '@hono/zod-openapi';
import { ERROR_STATUS, type ErrorCode } from '../domain/errors.ts';

/** The shape of every error, in the document. */
const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]),
    errors: z
      .array(
        z.strictObject({ in: z.enum(['body', 'query']), pointer: z.string(), code: z.string(), detail: z.string() }),
      )
      .optional(),
  })
  .openapi('Problem');

/** What any route under /v1 can answer. */
const EVERYWHERE = [
  'unauthorized',
  'forbidden',
  'https_required',
  'rate_limited',
  'storage_unavailable',
  'internal',
] as const satisfies readonly ErrorCode[];
const WITH_BODY = ['malformed_json', 'body_too_large', 'unsupported_media_type', 'invalid_request'] as const;

type Responses = Record<
  number,
  { description: string; content: { 'application/problem+json': { schema: typeof Problem } } }
>;

/** The refusals of a route, one entry per status, with the codes in its description. */
export function problems(...codes: readonly ErrorCode[]): Responses {
  const responses: Responses = {};
  for (const code of [...codes, ...EVERYWHERE]) {
    const status = ERROR_STATUS[code];
    const described = responses[status];
    responses[status] = {
      description: described === undefined ? `\`${code}\`` : `${described.description}, \`${code}\``,
      content: { 'application/problem+json': { schema: Problem } },
    };
  }
  return responses;
}

export const problemsWithBody = (...codes: readonly ErrorCode[]): Responses => problems(...WITH_BODY, ...codes);

export const body = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: true, content: { 'application/json': { schema } } },
});

export const answer = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
