import { describe, expect, test } from 'vitest';
import { exportOf } from '../../exports/exports.ts';
import { bearerOf, deletionOf, PROJECT, testApi, textOf, user } from '../../support/api.ts';

const api = await testApi();

test('accepts an export without hardDeleteAt and starts its workflow', async () => {
  const answer = await api.call('POST', '/v1/requests', exportOf([user('u-1'), user('u-2')], { format: 'csv' }));
  const id = textOf(answer, 'id');
  expect(answer.status).toBe(202);
  expect(answer.json).toMatchObject({
    status: 'received',
    kind: 'export',
    submitted: 2,
    dueAt: '2026-12-23T10:00:00.000Z',
    hardDeleteAt: null,
    cancellableUntil: null,
    estimatedCompletionAt: '2026-11-24T10:00:00.000Z',
    atRisk: false,
  });
  expect(api.orchestrator.started).toEqual([id]);
  const [row] =
    await api.sql`SELECT kind, scope, format, suppress, confirm, export_first, expedite, hard_delete_at, epoch
    FROM lethe.requests WHERE id = ${id}`;
  expect(row).toEqual({
    kind: 'export',
    scope: 'data',
    format: 'csv',
    suppress: false,
    confirm: false,
    exportFirst: false,
    expedite: null,
    hardDeleteAt: null,
    epoch: 1,
  });
  const audit = await api.sql`SELECT action, actor, detail FROM lethe.audit_events WHERE request_id = ${id}`;
  expect([...audit]).toEqual([
    {
      action: 'request.received',
      actor: api.owner.memberId,
      detail: { kind: 'export', selection: 'identities', submitted: 2 },
    },
  ]);
});

describe('an invalid export, which stores nothing', () => {
  const stored = async () => (await api.sql`SELECT FROM lethe.requests`).length;
  const errorsOf = async (body: object, headers = {}) => {
    const before = await stored();
    const answer = await api.call('POST', '/v1/requests', body, headers);
    expect(await stored()).toBe(before);
    const { status, errors = [] } = answer.json as { status: number; errors?: { pointer: string; code: string }[] };
    expect(answer.text).not.toContain('canary');
    return [status, ...errors.map(({ pointer, code }) => `${pointer} ${code}`)];
  };

  test.each([
    ['confirm', true],
    ['suppress', true],
    ['exportFirst', true],
    ['onConflict', 'attach'],
    ['expedite', { when: 'now', reason: 'canary' }],
  ])('is rejected with the deletion field %s', async (field, value) => {
    expect(await errorsOf(exportOf([user('canary')], { [field]: value }))).toEqual([422, ' unrecognized_keys']);
  });

  test('is rejected with fields of the other kind, exceptions, or an unknown kind or format', async () => {
    expect(await errorsOf(deletionOf([user('canary')], { format: 'csv' }))).toEqual([422, ' unrecognized_keys']);
    const subjects = { kind: 'user', everyone: true, except: [user('canary')] };
    expect(await errorsOf({ ...exportOf([]), subjects })).toEqual([422, '/subjects unrecognized_keys']);
    expect(await errorsOf({ ...exportOf([user('canary')]), kind: 'canary' })).toEqual([422, '/kind invalid_union']);
    expect(await errorsOf(exportOf([user('canary')], { format: 'xml' }))).toEqual([422, '/format invalid_value']);
  });

  test('is rejected when notify is not an address or is the address of a subject in any case', async () => {
    for (const notify of ['canary', 'canary@', 'canary@x.test\nBcc: canary@y.test', `canary@${'x'.repeat(300)}.test`])
      expect((await errorsOf(exportOf([user('u-1')], { notify }))).slice(0, 2)).toEqual([
        422,
        expect.stringMatching(/^\/notify /),
      ]);
    const subjectEmail = { type: 'email', value: ['Canary@Shop.test', 'berlin'] };
    for (const kind of [exportOf, deletionOf])
      expect(await errorsOf(kind([user('u-1'), subjectEmail], { notify: 'cANARY@shop.TEST' }))).toEqual([
        422,
        '/notify notify_is_subject',
      ]);
    expect(await errorsOf(exportOf([user('canary@shop.test')], { notify: 'canary@shop.test' }))).toEqual([
      422,
      '/notify notify_is_subject',
    ]);
  });

  test('is rejected for everyone without the token of an owner', async () => {
    const admin = await api.member('an admin', { role: 'admin' });
    const everyone = { ...exportOf([]), subjects: { kind: 'user', everyone: true } };
    expect(await errorsOf(everyone, bearerOf(admin))).toEqual([403]);
    expect((await api.call('POST', '/v1/requests', everyone)).status).toBe(202);
    const segment = { ...exportOf([]), subjects: { kind: 'user', segment: 'left' } };
    expect((await api.call('POST', '/v1/requests', segment, bearerOf(admin))).status).toBe(202);
  });

  test('is rejected when no system can export the kind of subject, also with exportFirst', async () => {
    const systems = PROJECT.systems.map((one) => ({ ...one, exports: false }));
    const withoutExports = await testApi({ project: { ...PROJECT, systems } });
    const errorsFrom = async (body: object) => (await withoutExports.call('POST', '/v1/requests', body)).json;
    expect(await errorsFrom(exportOf([user('u')]))).toMatchObject({
      errors: [{ pointer: '/kind', code: 'no_exports' }],
    });
    expect(await errorsFrom(deletionOf([user('u')], { exportFirst: true }))).toMatchObject({
      errors: [{ pointer: '/exportFirst', code: 'no_exports' }],
    });
    expect(await withoutExports.sql`SELECT FROM lethe.requests`).toHaveLength(0);
  });

  test('is rejected as an upload with notify in the URL', async () => {
    const query = 'project=demo&kind=deletion&regulation=gdpr&subjects=user&type=user_id&header=absent';
    const answer = await api.call('POST', `/v1/uploads?${query}&notify=canary%40shop.test`, 'u-1\n', {
      'Content-Type': 'text/csv',
    });
    expect(answer.json).toMatchObject({ status: 422, errors: [{ in: 'query', code: 'unrecognized_keys' }] });
    expect(answer.text + api.log.join('')).not.toContain('canary');
  });
});

test('replays an export with the same key and rejects the key with another notify address', async () => {
  const headers = { 'Idempotency-Key': '"export-1"' };
  const body = exportOf([user('u-1')], { notify: 'one@shop.test' });
  const [first, again] = [
    await api.call('POST', '/v1/requests', body, headers),
    await api.call('POST', '/v1/requests', body, headers),
  ];
  expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([202, 'true']);
  expect(again.json).toEqual(first.json);
  const other = await api.call('POST', '/v1/requests', { ...body, notify: 'two@shop.test' }, headers);
  expect(other.json).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
});
