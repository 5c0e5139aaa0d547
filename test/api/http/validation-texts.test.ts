import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { validationErrors } from '../../../api/http/validation-errors.ts';
import { deletionOf, testApi, user } from '../support/api.ts';

const api = await testApi();

const schema = z.strictObject({
  text: z.string().min(1).max(3),
  textOrList: z.union([z.string(), z.array(z.string()).min(1)]),
  whole: z.int().min(1).max(5),
  choice: z.enum(['one', 'two', ';']),
  flag: z.boolean(),
  always: z.literal(true),
  mail: z.email(),
  at: z.iso.datetime(),
  list: z.array(z.string()).min(1).max(2),
  nested: z.strictObject({ code: z.string().regex(/^x/) }),
});
const valid = {
  text: 'abc',
  textOrList: 'abc',
  whole: 3,
  choice: 'one',
  flag: true,
  always: true,
  mail: 'privacy@shop.test',
  at: '2026-11-23T10:00:00Z',
  list: ['a'],
  nested: { code: 'x' },
};
const detailsFor = (changes: Record<string, unknown>) => {
  const sent = { ...valid, ...changes };
  const { error } = schema.safeParse(sent);
  return error === undefined
    ? {}
    : Object.fromEntries(validationErrors(error, 'body', sent).map(({ pointer, detail }) => [pointer, detail]));
};

describe('the detail of a validation error', () => {
  test('says that a field is required when it is missing', () => {
    const missing = Object.fromEntries(Object.keys(valid).map((name) => [name, undefined]));
    expect(detailsFor(missing)).toEqual(
      Object.fromEntries(Object.keys(valid).map((name) => [`/${name}`, 'is required'])),
    );
  });

  test('names the expected type when a value has another type', () => {
    const wrong = Object.fromEntries(Object.keys(valid).map((name) => [name, { canary: 1 }]));
    expect(detailsFor({ ...wrong, nested: 'x' })).toEqual({
      '/text': 'must be text',
      '/textOrList': 'must be text or a list',
      '/whole': 'must be a number',
      '/choice': 'must be one, two or ";"',
      '/flag': 'must be true or false',
      '/always': 'must be true',
      '/mail': 'must be text',
      '/at': 'must be text',
      '/list': 'must be a list',
      '/nested': 'must be an object',
    });
  });

  test('names the limit or the format when a value breaks it', () => {
    expect(detailsFor({ text: '', whole: 0, mail: 'x', at: '2026-11-23', list: [], nested: { code: 'y' } })).toEqual({
      '/text': 'must not be empty',
      '/whole': 'must be at least 1',
      '/mail': 'must be an email address',
      '/at': 'must be a timestamp in UTC such as 2026-11-23T10:00:00Z',
      '/list': 'must have at least 1 item',
      '/nested/code': 'does not have the required format',
    });
    expect(detailsFor({ text: 'abcd', whole: 5.5, list: ['a', 'b', 'c'], textOrList: [1] })).toEqual({
      '/text': 'must have at most 3 characters',
      '/whole': 'must be a whole number',
      '/list': 'must have at most 2 items',
      '/textOrList': 'must be text',
    });
    expect(detailsFor({ whole: 6 })).toEqual({ '/whole': 'must be at most 5' });
  });

  test('does not repeat the name of an unknown field', () => {
    expect(detailsFor({ canary: 1 })).toEqual({ '': 'contains unknown fields' });
  });
});

describe('POST /v1/requests', () => {
  test('requires Content-Type application/json when the header is missing or has another value', async () => {
    const body = JSON.stringify(deletionOf([user('u-1')]));
    for (const type of ['', 'text/plain', 'application/x-www-form-urlencoded']) {
      const { json } = await api.call('POST', '/v1/requests', body, { 'Content-Type': type });
      expect(json).toMatchObject({
        status: 415,
        title: 'Unsupported media type',
        detail: expect.stringContaining('Content-Type: application/json'),
      });
    }
    const { json } = await api.call('POST', '/v1/requests');
    expect(json).toMatchObject({
      status: 422,
      errors: [{ pointer: '', code: 'missing', detail: expect.stringContaining('Content-Type: application/json') }],
    });
  });

  test('lists every error and a minimal body when the kind is missing or unknown', async () => {
    for (const kind of [undefined, 'delete']) {
      const { json } = await api.call('POST', '/v1/requests', { kind });
      expect(json).toMatchObject({
        status: 422,
        detail: '4 validation errors, listed in `errors`. Nothing was changed.',
        errors: [
          {
            pointer: '/kind',
            code: 'invalid_union',
            detail: expect.stringMatching(/deletion or export; a minimal body is .*"identities"/),
          },
          { pointer: '/project', detail: 'is required' },
          { pointer: '/regulation', detail: 'is required' },
          { pointer: '/subjects', detail: 'is required' },
        ],
      });
    }
  });

  test('lists the identity types of the project when a type is unknown', async () => {
    const { json } = await api.call('POST', '/v1/requests', deletionOf([{ type: 'mail', value: 'x' }]));
    expect(json).toMatchObject({
      errors: [
        {
          pointer: '/subjects/identities/0/type',
          code: 'unknown_type',
          detail: 'is unknown; known identity types: user_id, alias, email, xng_id, number',
        },
      ],
    });
  });

  test('does not show the text of the validator for an invalid body', async () => {
    for (const body of [
      {},
      [],
      { ...deletionOf([{ type: 17, value: 17 }]), confirm: 'yes', notify: 'x', extra: 1 },
      deletionOf([{}]),
      deletionOf([], { subjects: { kind: 'person', everyone: false } }),
      { ...deletionOf([]), kind: 'export', format: 'xml' },
    ]) {
      const { text } = await api.call('POST', '/v1/requests', body);
      expect(text).not.toMatch(/Invalid|expected|received|discriminator|Too (small|big)/);
    }
  });
});

test('names the query parameter and its error', async () => {
  const { json } = await api.call('GET', '/v1/requests?limit=x&status=gone');
  expect(json).toMatchObject({
    errors: [
      {
        in: 'query',
        pointer: '/status/0',
        code: 'invalid_value',
        detail: expect.stringMatching(/^must be .* or \w+$/),
      },
      { in: 'query', pointer: '/limit', code: 'invalid_type', detail: 'must be a number' },
    ],
  });
});

test('says that a bearer token is unknown or malformed', async () => {
  const { json } = await api.call('GET', '/v1/requests', undefined, { Authorization: 'Bearer wrong' });
  expect(json).toMatchObject({ status: 401, detail: expect.stringContaining('unknown or malformed') });
});

test('redirects a browser from / to the documentation', async () => {
  const answer = await api.app.request('/');
  expect([answer.status, answer.headers.get('Location')]).toEqual([302, '/docs']);
});
