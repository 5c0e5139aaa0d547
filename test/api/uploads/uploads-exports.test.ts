import { describe, expect, test } from 'vitest';
import { bearerOf, PROJECT, testApi, textOf } from '../support/api.ts';
import { CANARY, expectRejected, requestError, upload, uploadForm } from './upload.ts';

const api = await testApi();
const EXPORT = { kind: 'export' };

const tokenFor = async (kinds: readonly string[]) =>
  bearerOf(textOf(await api.call('POST', '/v1/tokens', { name: kinds.join(), kinds }), 'token'));

test('creates an export of the identities in a file, as a body and as a form', async () => {
  for (const answer of [
    await upload(api, 'user_id;name\nu-1;Ann\nu-2;Bo\nu-1;Ann\n', { ...EXPORT, regulation: 'CCPA' }),
    await uploadForm(api, 'user_id\nu-1\nu-2\nu-1\n', { ...EXPORT, regulation: 'ccpa', notify: 'privacy@shop.test' }),
  ]) {
    expect(answer).toMatchObject({
      status: 202,
      json: {
        kind: 'export',
        regulation: 'ccpa',
        submitted: 3,
        hardDeleteAt: null,
        cancellableUntil: null,
        lines: { header: ['user_id'], total: 3, accepted: 2, merged: 1, failed: 0, blank: 0 },
      },
    });
    const id = textOf(answer, 'id');
    expect(api.orchestrator.started).toContain(id);
    const [row] = await api.sql`SELECT kind, subject_kind, scope, format, suppress, confirm, export_first, expedite,
      hard_delete_at FROM lethe.requests WHERE id = ${id}`;
    expect(row).toEqual({
      kind: 'export',
      subjectKind: 'user',
      scope: 'data',
      format: 'ndjson',
      suppress: false,
      confirm: false,
      exportFirst: false,
      expedite: null,
      hardDeleteAt: null,
    });
    const identities =
      await api.sql`SELECT value FROM lethe.submitted_identities WHERE request_id = ${id} ORDER BY position`;
    expect([...identities]).toEqual([{ value: ['u-1'] }, { value: ['u-2'] }, { value: ['u-1'] }]);
  }
});

test('takes the scope and the format of an export', async () => {
  const answer = await upload(api, 'user_id\nu-1\n', { ...EXPORT, scope: 'categories', format: 'csv' });
  const [row] = await api.sql`SELECT scope, format FROM lethe.requests WHERE id = ${textOf(answer, 'id')}`;
  expect(row).toEqual({ scope: 'categories', format: 'csv' });
});

test('takes 2 000 identities for an export and 10 000 for a deletion', async () => {
  const lines = (count: number) => ['user_id', ...Array.from({ length: count }, (_, index) => `u-${index}`)].join('\n');
  for (const [kind, limit] of [
    ['export', 2_000],
    ['deletion', 10_000],
  ] as const) {
    expect((await upload(api, lines(limit), { kind })).json).toMatchObject({ submitted: limit });
    expect(await expectRejected(api, () => upload(api, lines(limit + 1), { kind }))).toMatchObject({
      code: 'too_many_subjects',
      limit,
    });
  }
});

describe('a parameter of the other kind of request', () => {
  test.each([
    ['suppress', { ...EXPORT, suppress: 'true' }],
    ['onConflict', { ...EXPORT, onConflict: 'reject' }],
    ['confirm', { ...EXPORT, confirm: 'true' }],
    ['expedite', { ...EXPORT, expedite: 'now', reason: 'ticket 1' }],
    ['exportFirst', { ...EXPORT, exportFirst: 'true' }],
    ['format', { kind: 'deletion', format: 'csv' }],
  ])('is rejected when it is %s', async (name, parameters) => {
    const file = `user_id\n${CANARY}\n`;
    expect(await expectRejected(api, () => upload(api, file, parameters))).toMatchObject(
      requestError(`/${name}`, 'custom'),
    );
    expect(await expectRejected(api, () => uploadForm(api, file, parameters))).toMatchObject(
      requestError(`/${name}`, 'custom', 'body'),
    );
  });

  test('is accepted with its default, which a form may send for every kind', async () => {
    const defaults = { suppress: 'false', onConflict: 'attach', confirm: 'false', exportFirst: 'false' };
    expect((await uploadForm(api, 'user_id\nu-1\n', { ...EXPORT, ...defaults })).status).toBe(202);
  });
});

test('requires a token that covers the kind of the request', async () => {
  const [deletions, exports] = [await tokenFor(['deletion']), await tokenFor(['export'])];
  const file = `user_id\n${CANARY}\n`;
  for (const send of [upload, uploadForm]) {
    expect((await send(api, file, EXPORT, exports)).status).toBe(202);
    expect((await send(api, file, {}, deletions)).status).toBe(202);
    expect(await expectRejected(api, () => send(api, file, EXPORT, deletions))).toMatchObject({
      status: 403,
      needs: ['export'],
    });
    expect(await expectRejected(api, () => send(api, file, {}, exports))).toMatchObject({
      status: 403,
      needs: ['deletion'],
    });
  }
});

test('rejects an export of subjects that no system can export', async () => {
  const systems = PROJECT.systems.map((system) => ({ ...system, exports: false }));
  const other = await testApi({ project: { ...PROJECT, systems } });
  expect(await expectRejected(other, () => upload(other, 'user_id\nu-1\n', EXPORT))).toMatchObject(
    requestError('/kind', 'no_exports'),
  );
});
