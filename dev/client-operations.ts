import { compile } from 'json-schema-to-typescript';
import type { OpenApi, Operation, Parameter, Schema } from '../api/openapi/shape.ts';

/**
 * Generates client/operations.ts from the OpenAPI document: a type per schema, the input and output of each operation,
 * and a table of routes. Operations that need no token are excluded.
 */
export async function clientOperations(document: OpenApi): Promise<string> {
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security?.length !== 0)
      .flatMap(([method, operation]) => callsOf(method.toUpperCase(), path, operation)),
  );
  const types = await compile(schemaOf(document, calls) as Parameters<typeof compile>[0], 'Operations', {
    bannerComment: '/** Generated from docs/openapi.json by `npm run document`. */',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  const table = calls.map(({ name, route }) => `  ${name}: ${JSON.stringify(route)},`).join('\n');
  return `${removeReferenceComments(types)}
/** How to send a call. Fields of the input that are neither in the path nor listed here are query parameters. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ROUTES: Readonly<Record<keyof Operations, Route>> = {
${table}
};
`;
}

interface Call {
  readonly name: string;
  readonly operation: Operation;
  readonly output: object;
  readonly body: object | null;
  readonly route: Readonly<Record<string, unknown>>;
}

const JSON_TYPE = 'application/json';
/** If an operation returns both JSON and CSV, CSV becomes a separate call whose response can be streamed. */
const CSV_TYPE = 'text/csv';
const FORM_TYPE = 'multipart/form-data';

function callsOf(method: string, path: string, operation: Operation): readonly Call[] {
  const { operationId, parameters = [], requestBody, responses } = operation;
  if (parameters.some(({ schema, explode }) => schema.type === 'array' && explode !== false))
    throw new Error(`${operationId}: the client supports array parameters only with explode: false`);
  const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
  const [contentType, sentBody] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const headers = parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name }) => [camelCase(name), name]);
  const route = {
    method,
    path,
    accept: JSON_TYPE,
    ...(contentType === undefined ? {} : { contentType }),
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) as Record<string, string> }),
  };
  const body = sentBody === undefined ? null : contentType === JSON_TYPE ? sentBody.schema : { tsType: STREAMED };
  const output = success?.content?.[JSON_TYPE]?.schema ?? { tsType: 'void' };
  const json = { name: operationId, operation, output, body, route };
  if (success?.content?.[CSV_TYPE] === undefined) return [json];
  const csv = { tsType: 'Response' };
  return [json, { ...json, name: `${operationId}Csv`, output: csv, route: { ...route, accept: CSV_TYPE } }];
}

const STREAMED = 'string | Blob | ReadableStream<Uint8Array>';

function schemaOf({ components }: OpenApi, calls: readonly Call[]): unknown {
  const properties = Object.fromEntries(
    calls.map((call) => [
      call.name,
      object({ input: inputOf(call), output: call.output }, ['input', 'output'], call.operation.summary),
    ]),
  );
  const schema = { ...object(properties, Object.keys(properties)), definitions: components.schemas };
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/definitions/'));
}

function inputOf({ name, operation: { parameters = [], requestBody }, body, route }: Call): object {
  const csv = route['accept'] === CSV_TYPE;
  // A CSV download contains all matches, so it has no pages.
  const accepted = parameters.filter(({ name: parameter }) => !csv || !['limit', 'cursor'].includes(parameter));
  // Fields that a form requires are required query parameters of the other content types.
  const requiredInForm = requestBody?.content[FORM_TYPE]?.schema.required ?? [];
  const required = accepted.filter(
    (parameter) => parameter.required === true || requiredInForm.includes(parameter.name),
  );
  const fields = accepted.map((parameter): [string, object] => [camelCase(parameter.name), withDescription(parameter)]);
  const bodyField = body === null ? {} : { body };
  return {
    ...object({ ...Object.fromEntries(fields), ...bodyField }, [
      ...required.map((parameter) => camelCase(parameter.name)),
      ...Object.keys(bodyField),
    ]),
    title: `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`,
  };
}

const withDescription = ({ schema, description }: Parameter): Schema => ({ ...schema, description: description ?? '' });

const object = (properties: Readonly<Record<string, object>>, required: readonly string[], description?: string) => ({
  type: 'object',
  properties,
  required,
  ...(description === undefined ? {} : { description }),
});

/** `Idempotency-Key` → `idempotencyKey` */
const camelCase = (name: string): string =>
  name.replaceAll(/(^|-)([A-Za-z])/g, (_, dash: string, letter: string) =>
    dash === '' ? letter.toLowerCase() : letter.toUpperCase(),
  );

/** Removes the lists of references that json-schema-to-typescript adds to each type. */
const removeReferenceComments = (types: string): string =>
  types
    .replaceAll(/\/\*\*\n \* This (?:interface|type) was referenced by[^/]*?\*\/\n/g, '')
    .replaceAll(/ \*\n \* This (?:interface|type) was referenced by[^/]*?\*\/\n/g, ' */\n');
