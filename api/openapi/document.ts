import type { OpenAPIHono } from '@hono/zod-openapi';
import { headerReferences, type HeaderName } from './contract.ts';
import type { AppEnv } from '../deps.ts';
import { exampleOf, examplesOf } from './examples.ts';
import { HEADERS } from './headers.ts';
import { PROBLEM_EXAMPLES } from './problem-examples.ts';
import type { Content, OpenApi, Operation, Parameter, Schemas } from './shape.ts';

/** In the order of the page; which of them an operation belongs to is the first part of its path. */
const TAGS: Readonly<Record<string, { readonly name: string; readonly description: string }>> = {
  requests: { name: 'Requests', description: 'Deletions and exports, from their acceptance to their receipt.' },
  uploads: { name: 'Uploads', description: 'Many identities at once, as CSV.' },
  subjects: { name: 'Look-ups', description: 'What the ledger knows of one identity.' },
  holds: { name: 'Legal holds', description: 'Nothing on hold is hard-deleted; it stays hidden.' },
  suppressions: { name: 'Suppressions', description: 'Standing refusals to collect somebody again.' },
  activity: { name: 'Activity', description: 'The audit log: who did what, and when. It names no subject.' },
  members: { name: 'Members', description: 'Who may call: owners and admins of a project.' },
  tokens: { name: 'Tokens', description: 'What a member calls with. Each is shown once.' },
  webhooks: { name: 'Webhooks', description: 'Who is told of every change, signed after Standard Webhooks.' },
  health: { name: 'Health', description: 'For load balancers and orchestrators; without a token.' },
};

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Lethe',
    version: '1',
    summary: 'Data-subject requests.',
    description:
      'Deleted means looked for again and not found. Every error is a problem of [a closed list](/docs/problems). Timestamps are UTC, ids are exact, and members that this document does not name are refused.',
    license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'The API that serves this document.' }],
  security: [{ token: [] }],
};

const TOKEN = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'lethe_…',
  description:
    'A token of a member (`npm run member`, `POST /v1/tokens`): `Authorization: Bearer lethe_…`. It ends after a year at most. What an operation needs is listed as its scopes: `read` or `write`, a kind of request (a token may be limited to some), and `owner` where the role `admin` does not suffice.',
} as const;

/** What the routes say of themselves, with what follows from it: tags, examples, headers, what a token needs. */
export function documentOf(app: OpenAPIHono<AppEnv>): OpenApi {
  // The library's type takes anything for a schema; ours is what it makes of the routes of this API.
  const said = app.getOpenAPI31Document(INFO) as unknown as OpenApi;
  const { schemas } = said.components;
  const paths = mapped(said.paths, (item, path) =>
    mapped(item, (operation) => complete(operation, tagOf(path).name, schemas)),
  );
  const used = new Set(Object.keys(paths).map((path) => tagOf(path)));
  const text = JSON.stringify(paths);
  const components = {
    schemas,
    securitySchemes: { token: TOKEN },
    headers: picked(HEADERS, (name) => text.includes(`"#/components/headers/${name}"`)),
    examples: picked(PROBLEM_EXAMPLES, (code) => text.includes(`"#/components/examples/${code}"`)),
  };
  const tags = Object.values(TAGS).filter((tag) => used.has(tag));
  return withoutSamples({ ...said, tags, paths, components });
}

const withoutSamples = (document: OpenApi): OpenApi =>
  JSON.parse(JSON.stringify(document, (key, value: unknown) => (key === 'x-example' ? undefined : value))) as OpenApi;

function tagOf(path: string) {
  const tag = TAGS[/^\/v1\/([^/]+)/.exec(path)?.[1] ?? 'health'];
  if (tag === undefined) throw new Error(`api/openapi/document.ts has no tag for ${path}`);
  return tag;
}

function complete(operation: Operation, tag: string, schemas: Schemas): Operation {
  const { parameters = [], requestBody, responses } = operation;
  const filled = (content: Content): Content =>
    mapped(content, (media) => ({ examples: examplesOf(schemas, media), ...media }));
  return {
    ...operation,
    tags: [tag],
    description: [operation.description, needs(operation)].filter((text) => text !== undefined).join('\n\n'),
    parameters: parameters.map((parameter) => described(parameter, schemas)),
    ...(requestBody === undefined ? {} : { requestBody: { ...requestBody, content: filled(requestBody.content) } }),
    responses: mapped(responses, (answer, status) => ({
      ...answer,
      headers: { ...headerReferences(headersOf(operation, Number(status))), ...answer.headers },
      ...(answer.content === undefined ? {} : { content: filled(answer.content) }),
    })),
  };
}

/** Every answer after authentication has the headers of the rate limit. */
const headersOf = (operation: Operation, status: number): readonly HeaderName[] =>
  isOpen(operation) || status === 401 ? ['X-Request-Id'] : ['X-Request-Id', 'RateLimit-Policy', 'RateLimit'];

const isOpen = ({ security }: Operation): boolean => security?.length === 0;

function needs({ security = [] }: Operation): string | undefined {
  const scopes = security.flatMap(({ token = [] }) => token);
  if (scopes.length === 0) return undefined;
  const kinds = scopes.filter((scope) => scope === 'deletion' || scope === 'export');
  const needed = [
    `may ${scopes.includes('write') ? 'write' : 'read'}`,
    ...kinds.map((kind) => `is good for requests of kind \`${kind}\``),
    ...(scopes.includes('owner') ? ["is an owner's"] : []),
  ];
  return `Needs a token that ${needed.join(', and ')}.`;
}

/** Of a query zod knows the description of the value only. Swagger UI fills in examples: none where nothing is needed. */
function described(parameter: Parameter, schemas: Schemas): Parameter {
  const { example, ...schema } = parameter.schema;
  const { required = false, description = schema.description ?? '' } = parameter;
  if (required) return { ...parameter, description, example: exampleOf(schemas, parameter.schema) };
  const also = typeof example === 'string' ? [`For example \`${example}\`.`] : [];
  return { ...parameter, schema, description: [description, ...also].join(' ') };
}

const mapped = <Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result,
): Record<string, Result> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));

const picked = <Value>(record: Readonly<Record<string, Value>>, wanted: (key: string) => boolean) =>
  Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key)));
