import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import type { AppEnv } from '../../api/deps.ts';

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly json: unknown;
}
interface Document {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
  readonly components: { readonly schemas: Record<string, object> };
}

const documents = new WeakMap<object, Document>();

export async function documentOf(app: OpenAPIHono<AppEnv>): Promise<Document> {
  const known = documents.get(app);
  if (known !== undefined) return known;
  const document = (await (await app.request('/openapi.json')).json()) as Document;
  documents.set(app, document);
  return document;
}

/** Throws unless the answer is one that the document tells of: its route, its status, its media type and its body. */
export async function assertConforms(app: OpenAPIHono<AppEnv>, exchange: Exchange): Promise<void> {
  const document = await documentOf(app);
  const { method, path, status, type, json } = exchange;
  const where = `${method} ${path.split('?')[0]} ${status}`;
  const [pathname = ''] = path.split('?');
  const template = Object.keys(document.paths).find((one) =>
    new RegExp(`^${one.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(pathname),
  );
  const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
  if (operation === undefined) {
    // Unknown paths and methods are no operations: they are problems of a known shape all the same.
    if (type !== 'application/problem+json') throw new Error(`${where}: neither in the document nor a problem`);
    return assertSchema(document, { $ref: '#/components/schemas/Problem' }, json, where);
  }
  const response = operation.responses[String(status)];
  if (response === undefined) throw new Error(`${where}: the document does not tell of this status`);
  if (response.content === undefined) return;
  const content = response.content[type.split(';')[0] ?? ''];
  if (content === undefined) throw new Error(`${where}: the document does not tell of ${type}`);
  assertSchema(document, content.schema, json, where);
}

export function assertSchema(document: Document, schema: object, value: unknown, where: string): void {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  const local: unknown = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'));
  const parsed = z.fromJSONSchema(local as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
  if (!parsed.success) throw new Error(`${where} does not conform: ${JSON.stringify(parsed.error.issues)}`);
}
