import fc from 'fast-check';
import type { Content, OpenApi, Operation, Parameter } from '../../../api/openapi/shape.ts';
import { CANARY, canary, idOf, mutate, hostileValue, valuesOf, KNOWN_VALUES } from './generated-values.ts';

type Query = readonly (readonly [string, string])[];

/** A request generated from the document: valid, nearly valid, or invalid. */
export interface Generated {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Index of one of the callers of the test. */
  readonly caller: number;
}

export function requestsOf(document: OpenApi, callers: number): fc.Arbitrary<Generated> {
  const valueOf = valuesOf(document);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  return fc.constantFrom(...operations).chain(({ method, path, operation }) => {
    const { operationId, parameters = [], requestBody } = operation;
    const named = (place: string) => parameters.filter((one) => one.in === place);
    return fc
      .record({
        method: fc.oneof(
          { weight: 40, arbitrary: fc.constant(method) },
          { weight: 1, arbitrary: fc.constantFrom('PUT', 'PATCH', 'GET', 'POST') },
        ),
        ids: fc.tuple(...named('path').map(({ schema }) => idOf(schema))),
        query: fc.oneof(
          fc.constant(null),
          fc.tuple(...named('query').map(queryOf)).map((all) => all.flat()),
        ),
        extra: fc.oneof(
          { weight: 9, arbitrary: fc.constant([]) },
          { weight: 1, arbitrary: fc.array(fc.tuple(canary, canary), { maxLength: 2 }) },
        ),
        sent:
          requestBody === undefined ? fc.constant({ body: null, type: null }) : bodyOf(operation, requestBody.content),
        headers: headersOf(operation),
        caller: fc.oneof(
          { weight: 3, arbitrary: fc.constant(0) },
          { weight: 2, arbitrary: fc.nat({ max: callers - 1 }) },
        ),
      })
      .map(({ ids, query, extra, sent, headers, caller, method: sentMethod }) => ({
        operationId,
        method: sentMethod,
        path: named('path').reduce(
          (text, one, index) => text.replace(`{${one.name}}`, encoded(ids[index] ?? '')),
          path,
        ),
        query: [...(query ?? plainQuery(operation, sent.type)), ...extra],
        headers: { ...(sent.type === null ? {} : { 'Content-Type': sent.type }), ...headers },
        body: sentMethod === 'GET' ? null : sent.body,
        caller,
      }));
  });

  function queryOf({ name, schema, required = false }: Parameter): fc.Arbitrary<Query> {
    const valid = valueOf(schema, name).map((value): Query => [[name, String(value)]]);
    return fc.oneof(
      { weight: required ? 30 : 3, arbitrary: valid },
      { weight: required ? 1 : 12, arbitrary: fc.constant<Query>([]) },
      { weight: 1, arbitrary: hostileValue.map((value): Query => [[name, String(text(value))]]) },
    );
  }

  function bodyOf(operation: Operation, content: Content): fc.Arbitrary<{ body: string | null; type: string | null }> {
    return fc.constantFrom(...Object.entries(content)).chain(([type, media]) => {
      if (type === 'text/csv') return csv.map((body) => ({ body, type }));
      const examples = Object.values(media.examples ?? {}).map(({ value }) => value);
      const good = fc.oneof(
        { weight: 2, arbitrary: fc.constantFrom(...examples).chain(withCanaries) },
        { weight: 1, arbitrary: valueOf(media.schema, operation.operationId) },
      );
      if (type === 'multipart/form-data')
        return fc.tuple(fc.oneof(good, good.chain(mutate)), csv).map(([fields, file]) => formOf(fields, file));
      const json = fc
        .oneof({ weight: 6, arbitrary: good }, { weight: 4, arbitrary: good.chain(mutate) })
        .map((value) => JSON.stringify(value) ?? '');
      return fc.oneof(
        { weight: 30, arbitrary: json.map((body) => ({ body, type })) },
        {
          weight: 1,
          arbitrary: fc.tuple(json, fc.nat({ max: 50 })).map(([body, end]) => ({ body: body.slice(0, end), type })),
        },
        { weight: 1, arbitrary: fc.tuple(json, otherType).map(([body, other]) => ({ body, type: other })) },
        { weight: 1, arbitrary: fc.constant({ body: null, type: null }) },
      );
    });
  }
}

/** The parameters that are required, in the query or in a form. */
function plainQuery({ parameters = [], requestBody }: Operation, type: string | null): Query {
  const inForm = type === 'text/csv' ? (requestBody?.content['multipart/form-data']?.schema.required ?? []) : [];
  const needed = parameters.filter((one) => one.in === 'query' && (one.required === true || inForm.includes(one.name)));
  return needed.map(({ name, example, schema }) => [
    name,
    KNOWN_VALUES[name]?.[0] ?? String(example ?? schema.enum?.[0]),
  ]);
}

const otherType = fc.constantFrom(
  'text/plain',
  'application/xml',
  'application/json; charset=latin1',
  'application/problem+json',
  'text/csv',
  'multipart/form-data',
  `multipart/form-data; boundary=${CANARY}`,
  'nonexistent',
  'application/x-www-form-urlencoded',
);

/** An example of the document with a canary in place of every identity value. */
const withCanaries = (example: unknown): fc.Arbitrary<unknown> =>
  fc.array(canary, { minLength: 8, maxLength: 8 }).map((names) => {
    let next = 0;
    const walk = (value: unknown, name: string): unknown => {
      if (typeof value === 'string') return name === 'value' ? names[(next += 1) % names.length] : value;
      // One part of a composite value is enough, and lets two requests select the same subject.
      if (Array.isArray(value))
        return value.map((item: unknown, index) => (name === 'value' && index > 0 ? item : walk(item, name)));
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, walk(field, key)]));
    };
    return walk(example, '');
  });

const LINES = [
  `"${CANARY}`,
  `"a" ${CANARY}`,
  `"${CANARY}\n2"`,
  `${CANARY}\u0000`,
  `${CANARY},b,c`,
  `"${CANARY}""x"`,
  '',
];
const csv = fc
  .record({
    head: fc.constantFrom('user_id', 'user_id', 'email,business_unit', '\ufeffemail,user_id', CANARY, ''),
    names: fc.array(canary, { minLength: 1, maxLength: 6 }),
    odd: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...LINES)) },
    ),
    end: fc.constantFrom('\n', '\r\n'),
  })
  .map(({ head, names, odd, end }) => {
    const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`);
    return [head, ...quoted.map((name) => (head.includes(',') ? `${name},berlin` : name)), ...odd].join(end);
  });

function formOf(fields: unknown, file: string): { body: string; type: string } {
  const entries = typeof fields === 'object' && fields !== null ? Object.entries({ file: '', ...fields }) : [];
  const parts = entries
    .filter(([name]) => name !== 'file')
    .map(
      ([name, value]) =>
        `--b\r\nContent-Disposition: form-data; name="${name.replaceAll(/[^\w-]/g, '_')}"\r\n\r\n${String(text(value))}\r\n`,
    );
  const last = `--b\r\nContent-Disposition: form-data; name="file"; filename="${CANARY}.csv"\r\nContent-Type: text/csv\r\n\r\n${file}\r\n--b--\r\n`;
  return { body: parts.join('') + last, type: 'multipart/form-data; boundary=b' };
}
/** Characters that HTTP allows: visible ASCII and the upper half of Latin-1. */
const oddHeader = fc.oneof(
  fc.constantFrom('', '"', '*', CANARY, 'x'.repeat(4_000), '\u00e9\u00ff', '"\\"', `${CANARY}, ${CANARY}`, '1e9', '-1'),
  canary.map((name) => name.replaceAll(/[^\u0021-\u007e]/g, '')),
);
const ODD: Headers = {
  Accept: fc.constantFrom(...(KNOWN_VALUES['Accept'] ?? [])),
  'Accept-Language': oddHeader,
  'X-Request-Id': oddHeader,
  'If-None-Match': oddHeader,
  Range: oddHeader,
  'X-HTTP-Method-Override': fc.constant('DELETE'),
  'X-Forwarded-Proto': fc.constantFrom('https', 'http', 'https, http', CANARY),
  'X-Forwarded-For': oddHeader,
  Cookie: oddHeader,
  'Content-Encoding': fc.constantFrom('gzip', 'identity', CANARY),
};
type Headers = Readonly<Record<string, fc.Arbitrary<string>>>;

function headersOf({ parameters = [] }: Operation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const key = fc.nat({ max: 30 }).map((number) => `"${CANARY}-${number}"`);
  const named = parameters.filter((one) => one.in === 'header');
  const known = Object.fromEntries(named.map(({ name }) => [name, fc.oneof(key, key, oddHeader)]));
  return fc.oneof(
    { weight: 5, arbitrary: some(known) },
    { weight: 1, arbitrary: some({ ...known, ...ODD }) },
    { weight: 1, arbitrary: fc.constant({ Accept: 'text/csv' }) },
  );
}
const some = (headers: Headers): fc.Arbitrary<Record<string, string>> =>
  fc.record<Record<string, string>, string>({ ...headers }, { requiredKeys: [] });

const text = (value: unknown): unknown => (typeof value === 'object' ? JSON.stringify(value) : value);

/** Keeps placeholders. Unpaired surrogates cannot be encoded in a path. */
const encoded = (id: string): string => (id.startsWith('@') ? id : encodeURIComponent(id.toWellFormed()));
