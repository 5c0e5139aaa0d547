import type { HeaderName } from './contract.ts';

interface Header {
  readonly description: string;
  readonly schema: { readonly type: 'string' | 'integer'; readonly format?: string };
  readonly example: string | number;
}

/** Every header of an answer that a caller may rely on. */
export const HEADERS: Readonly<Record<HeaderName, Header>> = {
  'Content-Disposition': {
    description: 'A file name for the download.',
    schema: { type: 'string' },
    example: 'attachment; filename="lethe-activity.csv"',
  },
  'Idempotency-Replayed': {
    description: '`true`: the key was used before, and this is the answer of then, made again.',
    schema: { type: 'string' },
    example: 'true',
  },
  Link: {
    description: 'The next page (`rel="next"`), as long as there is one.',
    schema: { type: 'string' },
    example: '</v1/requests?limit=100&cursor=MTc5NTQyODAwMDAwMCByZXFfMDFh>; rel="next"',
  },
  Location: {
    description: 'Where what was made can be read, or ended.',
    schema: { type: 'string', format: 'uri-reference' },
    example: '/v1/requests/req_01a207d921007000b1946aa6e9a5b3c1',
  },
  RateLimit: {
    description:
      'Of the budget that the policy names: `r` calls are left, and it is one more in `t` seconds (draft-ietf-httpapi-ratelimit-headers-10).',
    schema: { type: 'string' },
    example: '"calls";r=598;t=1',
  },
  'RateLimit-Policy': {
    description: 'The budget of each token: `q` calls in `w` seconds.',
    schema: { type: 'string' },
    example: '"calls";q=600;w=60',
  },
  'Retry-After': {
    description: 'In how many seconds it is worth to ask again.',
    schema: { type: 'integer' },
    example: 2,
  },
  'WWW-Authenticate': {
    description: 'How to say who calls.',
    schema: { type: 'string' },
    example: 'Bearer realm="lethe"',
  },
  'X-Request-Id': {
    description: 'The id of the call in the log.',
    schema: { type: 'string', format: 'uuid' },
    example: '6f1c1b7e-3c58-4d0e-9a5c-0b4f3f6f2a11',
  },
};
