import { z } from '@hono/zod-openapi';
import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import { PROBLEMS } from '../http/problems.ts';

const FieldError = z.strictObject({
  in: z.enum(['body', 'query', 'header']).openapi({ description: 'Part of the HTTP request that holds the field.' }),
  pointer: z.string().openapi({
    description: 'JSON pointer to the field in the body, or `/` and the name of the parameter or header.',
  }),
  code: z.string().openapi({ description: 'Code of the error. It does not change between versions.' }),
  detail: z.string().openapi({ description: 'Rule that the field violates. It does not quote the value.' }),
});

/** The shape of every error, in the document. */
const Problem = z
  .looseObject({
    type: z.string().openapi({ description: 'URI reference of the documentation of `code`.' }),
    title: z.string().openapi({ description: 'Meaning of `code`.' }),
    status: z.int().openapi({ description: 'HTTP status of the response.' }),
    detail: z.string().openapi({ description: 'Cause of this error. It contains no personal data.' }),
    instance: z
      .string()
      .openapi({ description: 'ID of the HTTP request in the log, equal to the header `X-Request-Id`.' }),
    code: z.enum(ERROR_CODES).openapi({ description: 'Code of the error, from a closed list.' }),
    errors: z
      .array(FieldError)
      .optional()
      .openapi({ description: 'With `invalid_request`: the invalid fields, at most 100.' }),
  })
  .openapi('Problem', {
    description: 'RFC 9457 problem. Some codes add fields, such as `limit` or `positions`.',
  });

/** Codes that every route under /v1 can return. */
const EVERYWHERE = [
  'unauthorized',
  'forbidden',
  'https_required',
  'rate_limited',
  'storage_unavailable',
  'busy',
  'project_misconfigured',
  'internal',
] as const satisfies readonly ErrorCode[];
const WITH_BODY = ['body_too_large', 'unsupported_media_type', 'invalid_request'] as const;

/** Response headers, which api/openapi/headers.ts describes. A route lists only headers that not every response has. */
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

const HEADERS_BY_CODE: Readonly<Partial<Record<ErrorCode, HeaderName>>> = {
  unauthorized: 'WWW-Authenticate',
  rate_limited: 'Retry-After',
  idempotency_key_in_use: 'Retry-After',
  storage_unavailable: 'Retry-After',
  busy: 'Retry-After',
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

/** The error responses of a route, one per status. Each of its codes has a line in the description and an example. */
function responsesOf(...codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy(new Set([...codes, ...EVERYWHERE]), (code) => ERROR_STATUS[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => {
      const examples = Object.fromEntries(ofStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
      return [
        status,
        {
          description: ofStatus.map((code) => `- \`${code}\`: ${PROBLEMS[code].title}.`).join('\n'),
          headers: headerReferences(ofStatus.flatMap((code) => HEADERS_BY_CODE[code] ?? [])),
          content: { 'application/problem+json': { schema: Problem, examples } },
        },
      ];
    }),
  );
}

/** For an operation without a body. */
export const problemResponses = (...codes: readonly ErrorCode[]): Responses => responsesOf('unexpected_body', ...codes);
export const problemResponsesWithBody = (...codes: readonly ErrorCode[]): Responses =>
  responsesOf('malformed_json', 'json_too_complex', ...WITH_BODY, ...codes);
/** For an upload, whose body is a file. */
export const problemResponsesOfUpload = (...codes: readonly ErrorCode[]): Responses =>
  responsesOf(...WITH_BODY, ...codes);

type Examples = Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>;

/** The JSON content of a body or response. Without `examples`, the document generates one from the schema. */
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
