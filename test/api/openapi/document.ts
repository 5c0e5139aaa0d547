import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import type { AppEnv } from '../../../api/deps.ts';
import type { OpenApi, Operation } from '../../../api/openapi/shape.ts';

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

const documents = new WeakMap<object, OpenApi>();

export async function documentOf(app: OpenAPIHono<AppEnv>): Promise<OpenApi> {
  const known = documents.get(app);
  if (known !== undefined) return known;
  const document = (await (await app.request('/openapi.json')).json()) as OpenApi;
  documents.set(app, document);
  return document;
}

/** Every response has these headers if the document lists them for its status. */
const ALWAYS = ['Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'];
const SOMETIMES = ['Content-Disposition', 'Idempotency-Replayed', 'Link'];

/** Throws unless the document describes the response: route, status, media type, body, code and headers. */
export async function assertConforms(app: OpenAPIHono<AppEnv>, exchange: Exchange): Promise<void> {
  const document = await documentOf(app);
  const { method, path, status, headers, json } = exchange;
  const [pathname = ''] = path.split('?');
  const where = `${method} ${pathname} ${status}`;
  const type = headers.get('Content-Type')?.split(';')[0] ?? '';
  const operation = operationAt(document, method, pathname);
  if (operation === undefined) {
    // Unknown paths and methods are not operations, but their responses are problems.
    if (type !== 'application/problem+json') throw new Error(`${where}: neither in the document nor a problem`);
    return assertSchema(document, { $ref: '#/components/schemas/Problem' }, json, where);
  }
  const response = operation.responses[String(status)];
  if (response === undefined) throw new Error(`${where}: the document does not list this status`);
  const listed = Object.keys(response.headers ?? {});
  const unlisted = [...ALWAYS, ...SOMETIMES].filter((name) => headers.has(name) && !listed.includes(name));
  if (unlisted.length > 0) throw new Error(`${where}: the document does not list the headers ${unlisted.join()}`);
  // Other errors share their status with errors that precede authentication.
  const certain = status < 300 || status === 401 || status === 429;
  const missing = ALWAYS.filter((name) => certain && listed.includes(name) && !headers.has(name));
  if (missing.length > 0)
    throw new Error(`${where}: the response lacks the header ${missing.join()}, which the document lists`);
  if (response.content === undefined) return;
  const content = response.content[type];
  if (content === undefined) throw new Error(`${where}: the document does not list ${type}`);
  if (type === 'text/csv') return;
  assertSchema(document, content.schema, json, where);
  const code = type === 'application/problem+json' ? (json as { code: string }).code : null;
  if (code !== null && !Object.hasOwn(content.examples ?? {}, code))
    throw new Error(`${where}: the document does not list ${code}`);
}

function operationAt(document: OpenApi, method: string, pathname: string): Operation | undefined {
  const template = Object.keys(document.paths).find((one) =>
    new RegExp(`^${one.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(pathname),
  );
  return template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
}

/** Cached, because creating a validator takes far longer than applying it. */
const validators = new WeakMap<object, Map<string, z.ZodType>>();

export function assertSchema(document: OpenApi, schema: object, value: unknown, where: string): void {
  const ofDocument = validators.get(document) ?? new Map<string, z.ZodType>();
  validators.set(document, ofDocument);
  const text = JSON.stringify(schema);
  const validator = ofDocument.get(text) ?? validatorOf(document, schema);
  ofDocument.set(text, validator);
  const parsed = validator.safeParse(value);
  if (!parsed.success) throw new Error(`${where} does not conform: ${JSON.stringify(parsed.error.issues)}`);
}

function validatorOf(document: OpenApi, schema: object): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  const local: unknown = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'));
  return z.fromJSONSchema(local as Parameters<typeof z.fromJSONSchema>[0]);
}
