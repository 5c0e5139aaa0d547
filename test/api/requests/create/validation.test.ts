import { describe, expect, test } from 'vitest';
import { exportOf } from '../../exports/exports.ts';
import { upload, uploadForm } from '../../uploads/upload.ts';
import { type Answer, deletionOf, testApi, user } from '../../support/api.ts';

const api = await testApi();

interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}
const errorsOf = ({ json }: Answer): readonly FieldError[] =>
  (json as { readonly errors?: readonly FieldError[] }).errors ?? [];
const rejected = async (body: unknown): Promise<Answer> => {
  const response = await api.call('POST', '/v1/requests', body);
  expect(response.status).toBe(422);
  expect(await api.sql`SELECT FROM lethe.requests`).toHaveLength(0);
  return response;
};
const detailsOf = async (body: unknown): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(errorsOf(await rejected(body)).map(({ pointer, detail }) => [pointer, detail]));

describe('an invalid request', () => {
  test('reports every field when the body is empty', async () => {
    const pointers = errorsOf(await rejected({})).map(({ pointer }) => pointer);
    expect(pointers.toSorted()).toEqual(['/kind', '/project', '/regulation', '/subjects']);
  });

  test('reports the other errors too when kind is unknown', async () => {
    const body = {
      ...deletionOf([{ type: 'email', value: 17 }]),
      kind: 'delete',
      regulation: 17,
      notify: 'not an address',
      expedite: { when: 'soon' },
    };
    const errors = errorsOf(await rejected(body)).map(({ pointer, code }) => `${pointer} ${code}`);
    expect(errors.toSorted()).toEqual([
      '/expedite/reason invalid_type',
      '/expedite/when invalid_value',
      '/kind invalid_union',
      '/notify invalid_format',
      '/regulation invalid_type',
      '/subjects/identities/0/value invalid_union',
    ]);
  });

  test('reports errors of fields, selection and identities together', async () => {
    const identities = [user('u-1'), { type: 'canary', value: 'x' }, user('')];
    const body = deletionOf(identities, { regulation: 'lgpd', scope: 'sources', suppress: true });
    expect(errorsOf(await rejected(body)).map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/regulation unknown_regulation',
      '/suppress part_scope',
      '/subjects/identities/1/type unknown_type',
      '/subjects/identities/2/value empty',
    ]);
    const everyone = { kind: 'user', everyone: true, except: [{ type: 'canary', value: 'x' }] };
    expect(Object.keys(await detailsOf(deletionOf([], { subjects: everyone, onConflict: 'reject' })))).toEqual([
      '/onConflict',
      '/confirm',
      '/subjects/except/0/type',
    ]);
  });

  test('reports errors that depend on the project even when fields are missing or malformed', async () => {
    const identities = [{ type: 'canary', value: 'x' }, { type: 'user_id' }, user(''), user('u-1')];
    const body = {
      ...deletionOf(identities, { regulation: 'lgpd', scope: 'sources', suppress: true }),
      project: undefined,
    };
    expect(
      errorsOf(await rejected(body))
        .map(({ pointer, code }) => `${pointer} ${code}`)
        .toSorted(),
    ).toEqual([
      '/project invalid_type',
      '/regulation unknown_regulation',
      '/subjects/identities/0/type unknown_type',
      '/subjects/identities/1/value invalid_union',
      '/subjects/identities/2/value empty',
      '/suppress part_scope',
    ]);
    const noKind = { regulation: 'lgpd', subjects: { kind: 'company', segment: 'all' } };
    expect(
      errorsOf(await rejected(noKind))
        .map(({ pointer, code }) => `${pointer} ${code}`)
        .toSorted(),
    ).toEqual([
      '/kind invalid_union',
      '/project invalid_type',
      '/regulation unknown_regulation',
      '/subjects/segment no_segments',
    ]);
    const everyone = { ...deletionOf([]), subjects: { kind: 'user', everyone: true }, project: 17 };
    expect(Object.keys(await detailsOf(everyone)).toSorted()).toEqual(['/confirm', '/project']);
    const shapeless = { project: 'demo', kind: 'deletion', regulation: 'lgpd', subjects: 'all' };
    expect(Object.keys(await detailsOf(shapeless))).toEqual(['/subjects', '/regulation']);
  });

  test('does not compare a body with the project of the caller when it names another one', async () => {
    const body = { ...deletionOf([user('u-1')], { regulation: 'lgpd', notify: 17 }), project: 'elsewhere' };
    expect(Object.keys(await detailsOf(body))).toEqual(['/notify']);
  });

  test('lists the identity types that exist when a type is unknown', async () => {
    const known = 'is unknown; known identity types: user_id, alias, email, xng_id, number';
    const body = { ...deletionOf([{ type: 'mail', value: 'x' }]), project: undefined };
    expect(await detailsOf(body)).toMatchObject({ '/subjects/identities/0/type': known });
    const [typo] = errorsOf(await upload(api, 'user_id\nu-1\n', { type: 'mail', project: undefined })).filter(
      ({ code }) => code === 'unknown_type',
    );
    expect(typo).toMatchObject({ pointer: '/type', detail: known });
    const company = { type: 'user_id', subjects: 'company', project: undefined };
    expect(errorsOf(await upload(api, 'user_id\nu-1\n', company))).toContainEqual(
      expect.objectContaining({ pointer: '/type', detail: 'is unknown; known identity types: company_id' }),
    );
  });

  test('reports every error of the parameters of an upload together', async () => {
    const parameters = {
      project: undefined,
      kind: 'export',
      regulation: 'lgpd',
      type: 'mail',
      delimiter: ':',
      confirm: 'true',
      reason: 'ticket 1',
    };
    for (const send of [upload, uploadForm])
      expect(
        errorsOf(await send(api, 'user_id\nu-1\n', parameters))
          .map(({ pointer }) => pointer)
          .toSorted(),
      ).toEqual(['/confirm', '/delimiter', '/project', '/reason', '/regulation', '/type']);
  });

  test('does not report a malformed parameter a second time as a contradiction', async () => {
    for (const parameters of [
      { expedite: 'soon', reason: 'ticket 1' },
      { expedite: 'now', reason: 'x'.repeat(501) },
    ])
      expect(errorsOf(await upload(api, 'user_id\nu-1\n', parameters))).toHaveLength(1);
  });

  test('counts every error and lists 100 when there are more', async () => {
    const identities = Array.from({ length: 150 }, () => ({ type: 'canary', value: 'x' }));
    const { json } = await rejected(deletionOf(identities, { regulation: 'lgpd' }));
    expect(json).toMatchObject({ detail: expect.stringMatching(/^151 /) });
    expect(json).toHaveProperty('errors.length', 100);
  });

  test('names the regulations of the project when the regulation is unknown', async () => {
    const unknown = 'is unknown; regulations of this project: gdpr, ccpa';
    expect(await detailsOf(deletionOf([user('u-1')], { regulation: 'lgpd' }))).toEqual({ '/regulation': unknown });
    const response = await upload(api, 'user_id\nu-1\n', { regulation: 'lgpd' });
    expect(errorsOf(response)).toMatchObject([{ pointer: '/regulation', detail: unknown }]);
  });

  test('suggests a remedy when there are too many identities', async () => {
    const identities = Array.from({ length: 2_001 }, (_, index) => user(`u-${index}`));
    const detail = 'The request has 2001 identities, the limit is 2000. Nothing was stored; split the list';
    expect((await rejected(deletionOf(identities))).json).toMatchObject({
      code: 'too_many_subjects',
      detail: `${detail}, select a segment, or upload a file with POST /v1/uploads (up to 10000).`,
    });
    expect((await rejected(exportOf(identities))).json).toMatchObject({ detail: `${detail}, select a segment.` });
    const everyone = { kind: 'user', everyone: true, except: identities };
    expect((await rejected(deletionOf([], { subjects: everyone, confirm: true }))).json).toMatchObject({
      detail: 'The request has 2001 exceptions, the limit is 2000. Nothing was stored.',
    });
  });

  test('names the field that contradicts another one', async () => {
    const segment = { kind: 'company', segment: 'all' };
    expect(await detailsOf(deletionOf([], { subjects: segment, onConflict: 'reject' }))).toEqual({
      '/subjects/segment': 'requires kind user',
      '/onConflict': 'reject requires subjects.identities',
    });
    const both = { kind: 'user', segment: 'all', everyone: true };
    expect(await detailsOf(deletionOf([], { subjects: both }))).toEqual({
      '/subjects': 'must contain exactly one of identities, segment and everyone',
    });
    const email = { type: 'email', value: ['ann@x.test', 'berlin'] };
    expect(await detailsOf(deletionOf([email], { notify: 'Ann@x.test' }))).toEqual({
      '/notify': 'must not be the address of a subject of the request',
    });
  });
});

test('says how many identities a hold may have when it has too many', async () => {
  const identities = Array.from({ length: 2_001 }, (_, index) => user(`u-${index}`));
  const hold = { project: 'demo', kind: 'user', identities, caseRef: 'C-7', heldBy: 'counsel' };
  expect((await api.call('POST', '/v1/holds', hold)).json).toMatchObject({
    code: 'too_many_subjects',
    detail: 'The hold has 2001 identities, the limit is 2000. Nothing was stored; place several holds.',
  });
});
