import { describe, expect, test } from 'vitest';
import { exampleOf } from '../../../api/openapi/examples.ts';
import type { Operation, Schema } from '../../../api/openapi/shape.ts';
import { documentOf } from '../openapi/document.ts';
import { deletionOf, submitDeletion, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();
const { paths, components } = await documentOf(api.app);
const { schemas } = components;

type Path = readonly (string | number)[];
/** A text that a caller sends in a body: where it is, and a body in which it can be replaced. */
interface Field {
  readonly path: Path;
  readonly schema: Schema;
  readonly body: unknown;
}

const deref = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : deref(schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {});
const choicesOf = ({ anyOf = [], oneOf = [], allOf = [] }: Schema): readonly Schema[] => [...anyOf, ...oneOf, ...allOf];

function fieldsOf(sent: Schema, path: Path, body: unknown): readonly Field[] {
  const schema = deref(sent);
  const { type, items, properties = {} } = schema;
  if ([type].flat().includes('string') && schema.enum === undefined) return [{ path, schema, body }];
  return [
    ...choicesOf(schema).flatMap((choice) =>
      fieldsOf(choice, path, path.length === 0 ? exampleOf(schemas, choice) : body),
    ),
    ...Object.entries(properties).flatMap(([name, field]) => fieldsOf(field, [...path, name], body)),
    ...(items === undefined ? [] : fieldsOf(items, [...path, 0], body)),
  ];
}

function replaced(value: unknown, [key, ...rest]: Path, by: string): unknown {
  if (key === undefined) return by;
  if (typeof key === 'number') return [replaced(Array.isArray(value) ? value[0] : undefined, rest, by)];
  const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  return { ...object, [key]: replaced(Reflect.get(object, key), rest, by) };
}

const jsonOperations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { operationId, requestBody }]) => {
    const schema = requestBody?.content['application/json']?.schema;
    return schema === undefined ? [] : [{ method: method.toUpperCase(), route: path, operationId, schema }];
  }),
);
/** Exceptions belong to a request for everyone. */
const EVERYONE = {
  ...deletionOf([]),
  subjects: { kind: 'user', everyone: true, except: [user('u-1')] },
  confirm: true,
};
const everyField = jsonOperations.flatMap(({ schema, ...operation }) =>
  fieldsOf(schema, [], exampleOf(schemas, schema)).map((field) => ({
    ...operation,
    ...field,
    pointer: `/${field.path.join('/')}`,
    body: field.path[1] === 'except' ? EVERYONE : field.body,
  })),
);
const fields = [...new Map(everyField.map((field) => [`${field.operationId} ${field.pointer}`, field])).values()];

/** One character of each class that a reader cannot see. */
const INVISIBLE = [
  '\u0000',
  '\u001b',
  '\u0085',
  '\u00ad',
  '\u200b',
  '\u202e',
  '\u2028',
  '\u2029',
  '\u3164',
  '\ufeff',
  '\ue000',
  '\ufffe',
  '\ud800',
  '\u{e0041}',
];
/** Values are data: the database compares them, and only what it cannot store is rejected. */
const isIdentityValue = (pointer: string): boolean => /\/value(\/0)?$/.test(pointer);
/** Fields whose error is that no such name exists. */
const isUnknownName = (pointer: string): boolean => pointer.endsWith('/type');

const request = await submitDeletion(api, [user('u-1')]);
const webhook = textOf(await api.call('POST', '/v1/webhooks', { url: 'https://hooks.test/' }), 'id');
const filled = (path: string): string =>
  path.replace('/webhooks/{id}', `/webhooks/${webhook}`).replace('{id}', request);

describe('texts in bodies', () => {
  test('finds every text of every body in the document', () => {
    const found = new Set(fields.map(({ operationId, pointer }) => `${operationId} ${pointer}`));
    for (const known of [
      'addMember /name',
      'createRequest /subjects/segment',
      'createRequest /subjects/except/0/value/0',
      'createRequest /expedite/reason',
      'createRequest /notify',
      'createToken /expiresAt',
      'placeHold /caseRef',
      'placeHold /heldBy',
      'retryRequest /reason',
      'skipSystem /system',
      'addWebhook /url',
    ])
      expect(found).toContain(known);
  });

  test.each(fields)(
    'rejects invisible characters in $pointer of $operationId',
    async ({ method, route, pointer, ...field }) => {
      const before = await countRows();
      const sent = isIdentityValue(pointer) ? ['\u0000', '\ud800'] : INVISIBLE;
      for (const character of sent) {
        const body = replaced(field.body, field.path, `a${character}b`);
        const answer = await api.call(method, filled(route), body);
        const { status, errors } = answer.json as { status: number; errors?: { pointer: string }[] };
        expect([JSON.stringify(character), status]).toEqual([JSON.stringify(character), 422]);
        const pointers = errors?.map((error) => error.pointer) ?? [];
        expect(pointers.some((one) => one === pointer || one === pointer.replace(/\/0$/, ''))).toBe(true);
      }
      expect(await countRows()).toEqual(before);
    },
  );

  test.each(fields.filter(({ pointer }) => !isUnknownName(pointer)))(
    'rejects 8 MB in $pointer of $operationId without an internal error',
    async ({ method, route, pointer, ...field }) => {
      const answer = await api.call(method, filled(route), replaced(field.body, field.path, 'a.'.repeat(4_000_000)));
      expect(answer.json).toMatchObject({ status: 422, code: 'invalid_request' });
      expect(JSON.stringify(answer.json)).toContain(pointer.replace(/\/0$/, ''));
    },
  );

  test('checks the length of every text before its pattern or format', () => {
    const parameters = Object.values(paths)
      .flatMap((methods) => Object.values<Operation>(methods))
      .flatMap(({ operationId, parameters: list = [] }) =>
        list.map(({ name, schema }) => ({ operationId, pointer: name, schema: deref(schema) })),
      )
      .filter(({ schema }) => schema.type === 'string' && schema.enum === undefined);
    const unlimited = [...fields, ...parameters]
      .filter(({ schema }) => schema.maxLength === undefined)
      .map(({ operationId, pointer }) => `${operationId} ${pointer}`)
      .filter((one) => !isIdentityValue(one));
    expect(parameters.length).toBeGreaterThan(20);
    expect(unlimited).toEqual([]);
  });
});

/** Rows that a call may create. */
async function countRows() {
  const [row] =
    await api.sql`SELECT (SELECT count(*) FROM lethe.requests) AS requests, (SELECT count(*) FROM lethe.holds) AS holds,
    (SELECT count(*) FROM lethe.members) AS members, (SELECT count(*) FROM lethe.tokens) AS tokens,
    (SELECT count(*) FROM lethe.webhooks) AS webhooks, (SELECT count(*) FROM lethe.suppressions) AS suppressions`;
  return row;
}

test('stores names and reasons in NFC without blanks around them', async () => {
  const added = await api.call('POST', '/v1/members', { name: ' \u00a0Jose\u0301 ', role: 'admin' });
  expect(added.json).toMatchObject({ name: 'Jos\u00e9' });
  const again = await api.call('POST', '/v1/members', { name: 'Jos\u00e9', role: 'admin' });
  expect(again.json).toMatchObject({ status: 409, code: 'member_exists' });
  const id = await submitDeletion(api, [user('u-2')], { expedite: { when: 'next_run', reason: '  ticket 1 ' } });
  const [row] = await api.sql`SELECT expedite_reason AS reason FROM lethe.requests WHERE id = ${id}`;
  expect(row).toEqual({ reason: 'ticket 1' });
  for (const name of ['', ' ', '\u00a0\u3000'])
    expect((await api.call('POST', '/v1/tokens', { name })).json).toMatchObject({
      status: 422,
      errors: [{ pointer: '/name' }],
    });
});

test('sends a segment to the directory exactly as the caller spells it', async () => {
  const segment = ' Cafe\u0301 ';
  const answer = await api.call('POST', '/v1/requests', {
    ...deletionOf([]),
    subjects: { kind: 'user', segment },
    confirm: true,
  });
  const [row] = await api.sql`SELECT segment FROM lethe.requests WHERE id = ${textOf(answer, 'id')}`;
  expect(row).toEqual({ segment });
});

test.each([
  'lethe',
  'LETHE ',
  'L\u0435the',
  '\uff4c\uff45\uff54\uff48\uff45',
  'lethe'.replace('l', '1'),
  'l.e.t.h.e',
  'lethe\u0301',
  'lethe'.replace('l', '\u{1d5f9}'),
  'Operator',
  'operator'.replace('o', '0'),
])('reserves the name %j for automatic actions', async (name) => {
  const before = await countRows();
  for (const [path, more] of [
    ['/v1/members', { role: 'admin' }],
    ['/v1/tokens', {}],
  ] as const) {
    const answer = await api.call('POST', path, { name, ...more });
    expect(answer.json).toMatchObject({ status: 422, errors: [{ pointer: '/name', code: 'custom' }] });
  }
  expect(await countRows()).toEqual(before);
});

test('accepts names that only contain a reserved name', async () => {
  for (const name of ['lethe nightly', 'Ann of Lethe', 'operator 2'])
    expect((await api.call('POST', '/v1/tokens', { name })).status).toBe(201);
});
