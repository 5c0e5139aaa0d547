import type { HeaderName } from './contract.ts';

interface Header {
  readonly description: string;
  readonly schema: { readonly type: 'string' | 'integer'; readonly format?: string };
  readonly example: string | number;
}

/** Every response header that callers may rely on. */
export const HEADERS: Readonly<Record<HeaderName, Header>> = {
  'Content-Disposition': {
    description: 'File name of the download.',
    schema: { type: 'string' },
    example: 'attachment; filename="lethe-activity.csv"',
  },
  'Idempotency-Replayed': {
    description:
      '`true` if the `Idempotency-Key` was used before. The response then describes the request that the first call created.',
    schema: { type: 'string' },
    example: 'true',
  },
  Link: {
    description: 'URL of the next page (`rel="next"`). Absent on the last page.',
    schema: { type: 'string' },
    example: '</v1/requests?limit=100&cursor=MTc5NTQyODAwMDAwMCByZXFfMDFh>; rel="next"',
  },
  Location: {
    description: 'URL of the created resource.',
    schema: { type: 'string', format: 'uri-reference' },
    example: '/v1/requests/req_01a207d921007000b1946aa6e9a5b3c1',
  },
  RateLimit: {
    description:
      'Remaining quota: `r` calls are left, and one more is available in `t` seconds (draft-ietf-httpapi-ratelimit-headers-10).',
    schema: { type: 'string' },
    example: '"calls";r=598;t=1',
  },
  'RateLimit-Policy': {
    description: 'Quota of each token: `q` calls in `w` seconds.',
    schema: { type: 'string' },
    example: '"calls";q=600;w=60',
  },
  'Retry-After': {
    description: 'Seconds to wait before the next call.',
    schema: { type: 'integer' },
    example: 2,
  },
  'WWW-Authenticate': {
    description: 'Authentication scheme that the API requires.',
    schema: { type: 'string' },
    example: 'Bearer realm="lethe"',
  },
  'X-Request-Id': {
    description: 'ID of the HTTP request in the log.',
    schema: { type: 'string', format: 'uuid' },
    example: '6f1c1b7e-3c58-4d0e-9a5c-0b4f3f6f2a11',
  },
};
