import type { OpenAPIHono } from '@hono/zod-openapi';
import { headerReferences, type HeaderName } from './contract.ts';
import type { AppEnv } from '../deps.ts';
import { exampleOf, examplesOf } from './examples.ts';
import { HEADERS } from './headers.ts';
import { PROBLEM_EXAMPLES } from './problem-examples.ts';
import type { Content, OpenApi, Operation, Parameter, Schemas } from './shape.ts';

/** In the order of the documentation page. The first part of the path of an operation selects its tag. */
const TAGS: Readonly<Record<string, { readonly name: string; readonly description: string }>> = {
  requests: { name: 'Requests', description: 'Deletions and exports, from submission to receipt.' },
  uploads: { name: 'Uploads', description: 'Deletions of many subjects, submitted as a CSV file.' },
  subjects: { name: 'Look-ups', description: 'Requests, holds and suppressions of one identity.' },
  holds: { name: 'Legal holds', description: 'A legal hold blocks hard deletion. The subjects stay hidden.' },
  suppressions: {
    name: 'Suppressions',
    description: 'A suppression asks every system not to collect the data of an identity again.',
  },
  systems: { name: 'Systems', description: 'State of the systems of the project: outages, pauses and rate limits.' },
  tasks: { name: 'Tasks', description: 'What people delete in systems without an API.' },
  activity: { name: 'Activity', description: 'Audit log of the project. It contains no identity.' },
  members: { name: 'Members', description: 'People and services that may call the API for the project.' },
  tokens: { name: 'Tokens', description: 'Bearer tokens of the members. Lethe shows each token once.' },
  webhooks: {
    name: 'Webhooks',
    description: 'Signed notifications of status changes and tasks, according to Standard Webhooks.',
  },
  health: { name: 'Health', description: 'Probes for load balancers and orchestrators. They require no token.' },
};

const INTRODUCTION = `Lethe deletes and exports the personal data of users and companies. It reports data as deleted only after verifying that the data is gone.

**Requests are asynchronous.** A call that changes a request returns \`202\` as soon as the change is stored. Poll \`GET /v1/requests/{id}\`, or add a webhook.

**Subjects are named by identities.** An identity has a type, which the data map of the project defines, and a value. No identity appears in a URL, an error or the audit log.

**Errors** are RFC 9457 problems with a \`code\` from [a closed list](/docs/problems). A request with invalid fields stores nothing and returns all of its errors together, at most 100.

**Lists** are pages. Follow the header \`Link\`, or repeat the call with \`cursor\` set to \`nextCursor\`.

Timestamps are in UTC. IDs are case-sensitive. Unknown fields and parameters are rejected.`;

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Lethe API',
    version: '1',
    summary: 'Data-subject requests: deletion and export of personal data.',
    description: INTRODUCTION,
    license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'The server that provides this document.' }],
  security: [{ token: [] }],
};

const TOKEN = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'lethe_…',
  description:
    'Token of a member: `Authorization: Bearer lethe_…`. Create the first one with `npm run member`, further ones with `POST /v1/tokens`. A token expires after at most a year. The scopes of an operation are the permissions that it requires: `read` or `write` access, a kind of request (a token may be limited to some kinds), and the role `owner`.',
} as const;

/** Completes the generated document with tags, examples, headers and required permissions. */
export function buildDocument(app: OpenAPIHono<AppEnv>): OpenApi {
  // The library's type is wider than the document that it generates for these routes.
  const generated = app.getOpenAPI31Document(INFO) as unknown as OpenApi;
  const { schemas } = generated.components;
  const paths = mapValues(generated.paths, (item, path) =>
    mapValues(item, (operation) => completeOperation(operation, tagOf(path).name, schemas)),
  );
  const used = new Set(Object.keys(paths).map((path) => tagOf(path)));
  const text = JSON.stringify(paths);
  const components = {
    schemas,
    securitySchemes: { token: TOKEN },
    headers: pickKeys(HEADERS, (name) => text.includes(`"#/components/headers/${name}"`)),
    examples: pickKeys(PROBLEM_EXAMPLES, (code) => text.includes(`"#/components/examples/${code}"`)),
  };
  const tags = Object.values(TAGS).filter((tag) => used.has(tag));
  return withoutSamples({ ...generated, tags, paths, components });
}

const withoutSamples = (document: OpenApi): OpenApi =>
  JSON.parse(JSON.stringify(document, (key, value: unknown) => (key === 'x-example' ? undefined : value))) as OpenApi;

function tagOf(path: string) {
  const tag = TAGS[/^\/v1\/([^/]+)/.exec(path)?.[1] ?? 'health'];
  if (tag === undefined) throw new Error(`api/openapi/document.ts has no tag for ${path}`);
  return tag;
}

function completeOperation(operation: Operation, tag: string, schemas: Schemas): Operation {
  const { parameters = [], requestBody, responses } = operation;
  const withExamples = (content: Content): Content =>
    mapValues(content, (media) => ({ examples: examplesOf(schemas, media), ...media }));
  return {
    ...operation,
    tags: [tag],
    description: [operation.description, requirementText(operation)].filter((text) => text !== undefined).join('\n\n'),
    parameters: parameters.map((parameter) => describeParameter(parameter, schemas)),
    ...(requestBody === undefined
      ? {}
      : { requestBody: { ...requestBody, content: withExamples(requestBody.content) } }),
    responses: mapValues(responses, (response, status) => ({
      ...response,
      headers: { ...headerReferences(headersOf(operation, Number(status))), ...response.headers },
      ...(response.content === undefined ? {} : { content: withExamples(response.content) }),
    })),
  };
}

/** Every response after authentication has the rate limit headers. */
const headersOf = (operation: Operation, status: number): readonly HeaderName[] =>
  isPublic(operation) || status === 401 ? ['X-Request-Id'] : ['X-Request-Id', 'RateLimit-Policy', 'RateLimit'];

const isPublic = ({ security }: Operation): boolean => security?.length === 0;

/** One sentence about the token that the operation requires. */
function requirementText({ security = [] }: Operation): string | undefined {
  const scopes = security.flatMap(({ token = [] }) => token);
  if (scopes.length === 0) return undefined;
  const token = scopes.includes('owner') ? "an owner's token" : 'a token';
  const access = scopes.includes('write') ? 'write' : 'read';
  const kinds = scopes.filter((scope) => scope === 'deletion' || scope === 'export').map((kind) => `\`${kind}\``);
  const covered = kinds.length === 0 ? '' : ` that covers requests of kind ${kinds.join(' and ')}`;
  return `Requires ${token} with \`${access}\` access${covered}.`;
}

/**
 * zod describes only the value of a query parameter. Swagger UI would send the example of an optional parameter, so its
 * example is part of the description.
 */
function describeParameter(parameter: Parameter, schemas: Schemas): Parameter {
  const { example, ...schema } = parameter.schema;
  const { required = false, description = schema.description ?? '' } = parameter;
  if (required) return { ...parameter, description, example: exampleOf(schemas, parameter.schema) };
  const sample = typeof example === 'string' ? [`Example: \`${example}\`.`] : [];
  return { ...parameter, schema, description: [description, ...sample].join(' ') };
}

const mapValues = <Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result,
): Record<string, Result> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));

const pickKeys = <Value>(record: Readonly<Record<string, Value>>, isPicked: (key: string) => boolean) =>
  Object.fromEntries(Object.entries(record).filter(([key]) => isPicked(key)));
