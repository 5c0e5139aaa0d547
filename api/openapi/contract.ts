import { z } from '@hono/zod-openapi';
import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';

/** The shape of every error, in the document. */
const Problem = z
  .looseObject({
    type: z.string().openapi({ description: 'A URI reference to what the code means.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().openapi({ description: 'The id of the call in the log, as in `X-Request-Id`.' }),
    code: z.enum(ERROR_CODES),
    errors: z
      .array(
        z.strictObject({
          in: z.enum(['body', 'query', 'header']),
          pointer: z.string(),
          code: z.string(),
          detail: z.string(),
        }),
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

/** Headers of an answer; api/openapi/headers.ts describes each. Those that every answer has are not named by a route. */
export type HeaderName =
  | 'Content-Disposition'
  | 'Idempotency-Replayed'
  | 'Link'
  | 'Location'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'Retry-After'
  | 'WWW-Authenticate'
  | 'X-Request-Id';

const HEADERS_OF: Readonly<Partial<Record<ErrorCode, HeaderName>>> = {
  unauthorized: 'WWW-Authenticate',
  rate_limited: 'Retry-After',
  idempotency_key_in_use: 'Retry-After',
  storage_unavailable: 'Retry-After',
};

interface Reference {
  $ref: string;
}
export const headerReferences = (names: readonly HeaderName[]): Record<string, Reference> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

type Responses = Record<
  number,
  {
    description: string;
    headers: Record<string, Reference>;
    content: { 'application/problem+json': { schema: typeof Problem; examples: Record<string, Reference> } };
  }
>;

/** The refusals of a route, one entry per status: the codes are its description, and each has an example. */
export function problemResponses(...codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy(new Set([...codes, ...EVERYWHERE]), (code) => ERROR_STATUS[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, said]) => {
      const examples = Object.fromEntries(said.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
      return [
        status,
        {
          description: said.map((code) => `\`${code}\``).join(', '),
          headers: headerReferences(said.flatMap((code) => HEADERS_OF[code] ?? [])),
          content: { 'application/problem+json': { schema: Problem, examples } },
        },
      ];
    }),
  );
}

export const problemResponsesWithBody = (...codes: readonly ErrorCode[]): Responses =>
  problemResponses(...WITH_BODY, ...codes);

type Examples = Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>;

/** The content of a body or of an answer; without `examples`, the document puts one together from the schema. */
const json = <Schema extends z.ZodType>(schema: Schema, examples?: Examples) => ({
  'application/json': { schema, ...(examples === undefined ? {} : { examples }) },
});

export const body = <Schema extends z.ZodType>(schema: Schema, examples?: Examples) => ({
  body: { required: true, content: json(schema, examples) },
});

export const jsonResponse = <Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  headers: readonly HeaderName[] = [],
  examples?: Examples,
) => ({
  description,
  headers: headerReferences(headers),
  content: json(schema, examples),
});
