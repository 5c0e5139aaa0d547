import { compile } from 'json-schema-to-typescript';
import type { OpenApi, Operation, Parameter, Schema } from '../api/openapi/shape.ts';

/**
 * client/operations.ts, made from the document: a type for each schema, what each operation takes and answers, and a
 * table of where to send it. Operations without a token are for machines, and no part of it.
 */
export async function clientOperations(document: OpenApi): Promise<string> {
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security?.length !== 0)
      .flatMap(([method, operation]) => callsOf(method.toUpperCase(), path, operation)),
  );
  const types = await compile(schemaOf(document, calls) as Parameters<typeof compile>[0], 'Operations', {
    bannerComment: '/** Made from docs/openapi.json by `npm run document`. */',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  const table = calls.map(({ name, route }) => `  ${name}: ${JSON.stringify(route)},`).join('\n');
  return `${withoutNoise(types)}
/** How a call is sent: members of its input that are neither in the path nor named here are its query. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly sends?: string;
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
  readonly answer: object;
  readonly body: object | null;
  readonly route: Readonly<Record<string, unknown>>;
}

const JSON_TYPE = 'application/json';
/** Where the operation has both, the CSV is a call of its own, whose answer can be streamed. */
const CSV_TYPE = 'text/csv';
const FORM_TYPE = 'multipart/form-data';

function callsOf(method: string, path: string, operation: Operation): readonly Call[] {
  const { operationId, parameters = [], requestBody, responses } = operation;
  if (parameters.some((one) => one.schema.type === 'array' && one.explode !== false))
    throw new Error(`${operationId}: the client separates the values of a parameter by commas (explode: false)`);
  const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
  const [sends, sent] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const headers = parameters.filter((one) => one.in === 'header').map(({ name }) => [camelCase(name), name]);
  const route = {
    method,
    path,
    accept: JSON_TYPE,
    ...(sends === undefined ? {} : { sends }),
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) as Record<string, string> }),
  };
  const body = sent === undefined ? null : sends === JSON_TYPE ? sent.schema : { tsType: STREAMED };
  const answer = success?.content?.[JSON_TYPE]?.schema ?? { tsType: 'void' };
  const json = { name: operationId, operation, answer, body, route };
  if (success?.content?.[CSV_TYPE] === undefined) return [json];
  const csv = { tsType: 'Response' };
  return [json, { ...json, name: `${operationId}Csv`, answer: csv, route: { ...route, accept: CSV_TYPE } }];
}

const STREAMED = 'string | Blob | ReadableStream<Uint8Array>';

function schemaOf({ components }: OpenApi, calls: readonly Call[]): unknown {
  const properties = Object.fromEntries(
    calls.map((call) => [
      call.name,
      object({ input: inputOf(call), answer: call.answer }, ['input', 'answer'], call.operation.summary),
    ]),
  );
  const schema = { ...object(properties, Object.keys(properties)), definitions: components.schemas };
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/definitions/'));
}

function inputOf({ name, operation: { parameters = [], requestBody }, body, route }: Call): object {
  const csv = route['accept'] === CSV_TYPE;
  // A download is of everything that matches.
  const taken = parameters.filter((one) => !csv || !['limit', 'cursor'].includes(one.name));
  // What a form must have, the query must have where there is no form.
  const needed = requestBody?.content[FORM_TYPE]?.schema.required ?? [];
  const required = taken.filter((one) => one.required === true || needed.includes(one.name));
  const members = taken.map((one): [string, object] => [camelCase(one.name), described(one)]);
  const sent = body === null ? {} : { body };
  return {
    ...object({ ...Object.fromEntries(members), ...sent }, [
      ...required.map((one) => camelCase(one.name)),
      ...Object.keys(sent),
    ]),
    title: `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`,
  };
}

const described = ({ schema, description }: Parameter): Schema => ({ ...schema, description: description ?? '' });

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

/** Of every definition it is said where it is referred to: of no use to a reader. */
const withoutNoise = (types: string): string =>
  types
    .replaceAll(/\/\*\*\n \* This (?:interface|type) was referenced by[^/]*?\*\/\n/g, '')
    .replaceAll(/ \*\n \* This (?:interface|type) was referenced by[^/]*?\*\/\n/g, ' */\n');
