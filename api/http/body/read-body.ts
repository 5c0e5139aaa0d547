import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { DomainError } from '../../../domain/errors.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { jsonLimits } from './json-limits.ts';
import { bodyBytes, bodyLimitOf } from './limit.ts';

/** What an operation does with a body: an upload reads it in its handler while it arrives. */
type BodyUse = 'json' | 'handler' | 'none';

/**
 * Reads the body of a call whose caller is known, counts it while it arrives, and checks its limits before it is parsed.
 * Rejects a body for an operation that takes none, without reading it. `prefix` is the path at which `app` is mounted.
 */
export function readBody(deps: ApiDeps, app: OpenAPIHono<AppEnv>, prefix: string): MiddlewareHandler<AppEnv> {
  let uses: ReadonlyMap<string, BodyUse> | undefined;
  return async function readBody(c, next) {
    const route = matchedRoutes(c).find(({ method }) => method !== 'ALL');
    // Unknown paths and methods have no operation, and their bodies are never read.
    if (route !== undefined) {
      uses ??= bodyUses(app, prefix);
      const use = uses.get(`${route.method} ${route.path}`) ?? 'none';
      if (use === 'none') await rejectBody(c.req.raw);
      if (use === 'json') await readJson(c, bodyLimitOf(deps));
    }
    await next();
  };
}

/** The use of each operation with a body, by its method and the pattern of its path. */
function bodyUses({ openAPIRegistry }: OpenAPIHono<AppEnv>, prefix: string): ReadonlyMap<string, BodyUse> {
  return new Map(
    openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== 'route') return [];
      const { method, path, request } = definition.route;
      if (request?.body === undefined) return [];
      const use = Object.hasOwn(request.body.content, 'application/json') ? 'json' : 'handler';
      return [[`${method.toUpperCase()} ${prefix}${path.replaceAll(/\/{(.+?)}/g, '/:$1')}`, use] as const];
    }),
  );
}

async function rejectBody({ headers, body }: Request): Promise<void> {
  const length = Number(headers.get('Content-Length') ?? 0);
  if (length > 0 || (body === null ? headers.has('Transfer-Encoding') : await hasBytes(body)))
    throw new DomainError(
      'unexpected_body',
      'The operation takes no body, so that it was not read. Nothing was changed; send the call without a body.',
    );
}

/** Reads no further than to the first byte. */
async function hasBytes(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  for (;;) {
    // A caller that disconnects has sent no body.
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done) return false;
    if (value !== undefined && value.length > 0) return true;
  }
}

/** Other media types are rejected by the route, without reading the body. */
const JSON_TYPE = /^ *application\/([\w.-]+\+)?json *(;|$)/i;

async function readJson(c: Context<AppEnv>, limit: number): Promise<void> {
  const { raw } = c.req;
  if (raw.body === null || !JSON_TYPE.test(raw.headers.get('Content-Type') ?? '')) return;
  const checkLimits = jsonLimits();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parts: string[] = [];
  for await (const bytes of bodyBytes(raw, limit, INCOMPLETE)) {
    checkLimits(bytes);
    parts.push(decode(decoder, bytes));
  }
  parts.push(decode(decoder));
  c.req.raw = new Request(raw, { method: raw.method, body: parts.join('') });
}

const INCOMPLETE = new DomainError(
  'malformed_json',
  'The body ended before it was complete. Nothing was changed; send the call again.',
);

/** A replaced character could name another subject, so invalid UTF-8 is an error. */
function decode(decoder: InstanceType<typeof TextDecoder>, bytes?: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: bytes !== undefined });
  } catch {
    throw new DomainError('malformed_json', 'The body is not valid UTF-8. Nothing was changed; encode it as UTF-8.');
  }
}
