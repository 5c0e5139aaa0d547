import { describe, expect, test } from 'vitest';
import { submitDeletion, deletionOf, testApi, user } from '../support/api.ts';

const api = await testApi({ bodyLimitBytes: 1_000_000 });
const CANARY = 'canary-7f3a@leak.test';

const rejected = async (body: unknown, headers?: Record<string, string>) => {
  const answer = await api.call('POST', '/v1/requests', body, headers);
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
  expect(answer.text).not.toContain(CANARY);
  return answer;
};
const bodyError = (pointer: string, code: string) => ({ in: 'body', pointer, code });

describe('invalid requests', () => {
  test('returns 404 for an unknown project', async () => {
    const answer = await rejected({ ...deletionOf([user(CANARY)]), project: CANARY });
    expect(answer.json).toMatchObject({ status: 404, code: 'project_not_found' });
  });

  test('rejects an empty list of identities', async () => {
    const answer = await rejected(deletionOf([]));
    expect(answer.json).toMatchObject({ status: 422, errors: [bodyError('/subjects/identities', 'too_small')] });
  });

  test('returns the limit when a request has 2 001 identities', async () => {
    const answer = await rejected(deletionOf(Array.from({ length: 2_001 }, (_, index) => user(`u-${index}`))));
    expect(answer.json).toMatchObject({ status: 422, code: 'too_many_subjects', limit: 2_000, submitted: 2_001 });
  });

  test('lists every invalid identity in one response', async () => {
    const answer = await rejected(
      deletionOf([
        user(`${CANARY}\n${CANARY}`),
        user(`${CANARY}\u0000`),
        user('\ud800'),
        user(CANARY.repeat(500)),
        user(''),
        { type: CANARY, value: 'x' },
        { type: 'constructor', value: 'x' },
        { type: 'email', value: CANARY },
        { type: 'email', value: [CANARY, 'b', 'c'] },
      ]),
    );
    expect(answer.json).toMatchObject({
      status: 422,
      errors: [
        bodyError('/subjects/identities/0/value', 'control_characters'),
        bodyError('/subjects/identities/1/value', 'control_characters'),
        bodyError('/subjects/identities/2/value', 'control_characters'),
        bodyError('/subjects/identities/3/value', 'too_long'),
        bodyError('/subjects/identities/4/value', 'empty'),
        bodyError('/subjects/identities/5/type', 'unknown_type'),
        bodyError('/subjects/identities/6/type', 'unknown_type'),
        bodyError('/subjects/identities/7/value', 'wrong_number_of_values'),
        bodyError('/subjects/identities/8/value', 'wrong_number_of_values'),
      ],
    });
  });

  test('lists the first 100 of 2 000 validation errors', async () => {
    const answer = await rejected(deletionOf(Array.from({ length: 2_000 }, () => ({ type: 'none', value: 'x' }))));
    expect(answer.json).toMatchObject({
      detail: '2000 validation errors, the first 100 are listed in `errors`. Nothing was changed.',
    });
    expect(answer.json).toHaveProperty('errors.length', 100);
  });

  test('stops validating a list after 100 errors', async () => {
    // Every element has an error. Validating all that fit into a body would take minutes and gigabytes.
    const many = Array.from({ length: 200_000 }, () => ({}));
    const hold = { project: 'demo', kind: 'user', caseRef: 'C-7', heldBy: 'counsel', identities: many };
    for (const [path, body] of [
      ['/v1/requests', deletionOf(many)],
      ['/v1/requests', { ...deletionOf([]), subjects: { kind: 'user', everyone: true, except: many } }],
      ['/v1/holds', hold],
    ] as const) {
      const answer = await api.call('POST', path, body);
      expect(answer.json).toMatchObject({ status: 422, code: 'invalid_request' });
      expect(answer.json).toHaveProperty('errors.length', 100);
    }
    const { json } = await api.call('POST', '/v1/tokens', { name: 'nightly', kinds: many });
    expect(json).toMatchObject({ status: 422, errors: [bodyError('/kinds', 'too_big')] });
    expect(await api.sql`SELECT FROM lethe.requests`).toHaveLength(0);
  });

  test('rejects identity types of another kind of subject', async () => {
    const answer = await rejected({ ...deletionOf([]), subjects: { kind: 'company', identities: [user(CANARY)] } });
    expect(answer.json).toMatchObject({ errors: [bodyError('/subjects/identities/0/type', 'unknown_type')] });
  });

  test('rejects a selection that does not contain exactly one of identities, segment and everyone', async () => {
    for (const subjects of [
      { kind: 'user', identities: [user(CANARY)], segment: 'all' },
      { kind: 'user', segment: 'all', everyone: true },
      { kind: 'user' },
    ]) {
      expect((await rejected({ ...deletionOf([]), subjects })).json).toMatchObject({
        errors: [bodyError('/subjects', 'custom')],
      });
    }
  });

  test('rejects a segment of companies', async () => {
    const answer = await rejected({ ...deletionOf([]), subjects: { kind: 'company', segment: 'all' } });
    expect(answer.json).toMatchObject({ errors: [bodyError('/subjects/segment', 'no_segments')] });
  });

  test('rejects a segment that contains a NUL', async () => {
    const answer = await rejected({ ...deletionOf([]), subjects: { kind: 'user', segment: 'a\u0000b' } });
    expect(answer.json).toMatchObject({ errors: [bodyError('/subjects/segment', 'custom')] });
  });

  test('rejects a regulation that has no deadline in the project', async () => {
    for (const regulation of ['hipaa', 'constructor', '']) {
      const answer = await rejected(deletionOf([user('u')], { regulation }));
      expect(answer.json).toMatchObject({ errors: [bodyError('/regulation', 'unknown_regulation')] });
    }
  });

  test('rejects expedite without a reason, and onConflict reject without identities', async () => {
    const noReason = await rejected(deletionOf([user('u')], { expedite: { when: 'now' } }));
    expect(noReason.json).toMatchObject({ errors: [bodyError('/expedite/reason', 'invalid_type')] });
    const everyone = {
      ...deletionOf([]),
      subjects: { kind: 'user', everyone: true },
      confirm: true,
      onConflict: 'reject',
    };
    expect((await rejected(everyone)).json).toMatchObject({ errors: [bodyError('/onConflict', 'needs_identities')] });
  });

  test('rejects unknown fields without repeating their names', async () => {
    const answer = await rejected({ ...deletionOf([{ ...user('u'), [CANARY]: 1 }]), [CANARY]: CANARY });
    expect(answer.json).toMatchObject({ status: 422 });
    expect(answer.text).toContain('unrecognized_keys');
  });

  test('rejects an unknown scope', async () => {
    for (const scope of ['everything', null, ['data']])
      expect((await rejected(deletionOf([user('u')], { scope }))).status).toBe(422);
  });

  test('rejects bodies that are not a JSON object', async () => {
    expect((await rejected(`{"a": "${CANARY}`)).json).toMatchObject({ status: 400, code: 'malformed_json' });
    expect((await rejected('')).json).toMatchObject({ status: 400, code: 'malformed_json' });
    expect((await rejected([CANARY])).status).toBe(422);
    expect((await rejected(`"${CANARY}"`)).status).toBe(422);
    expect((await rejected(undefined)).status).toBe(422);
  });

  test('rejects another media type', async () => {
    const answer = await rejected(CANARY, { 'Content-Type': 'text/csv' });
    expect(answer.json).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('rejects a body over the limit with and without Content-Length', async () => {
    const large = `"${'x'.repeat(1_000_001)}"`;
    expect((await rejected(large)).json).toMatchObject({ status: 413, code: 'body_too_large', limit: 1_000_000 });
    const declared = await rejected(large, { 'Content-Length': String(large.length) });
    expect(declared.json).toMatchObject({ status: 413 });
  });
});

test('stores, starts and logs nothing of the rejected requests', async () => {
  const [counts] = await api.sql`SELECT (SELECT count(*) FROM lethe.requests) AS requests,
    (SELECT count(*) FROM lethe.submitted_identities) AS identities, (SELECT count(*) FROM lethe.audit_events WHERE actor <> 'test') AS events`;
  expect(counts).toEqual({ requests: 0, identities: 0, events: 0 });
  expect(api.orchestrator.started).toEqual([]);
  expect(api.log.length).toBeGreaterThan(20);
  expect(api.log.join('')).not.toContain(CANARY);
  expect(api.log.join('')).not.toContain('canary');
});

test('returns 401 with WWW-Authenticate for every path below /v1 without a valid token', async () => {
  for (const token of ['', 'Bearer', 'Bearer wrong', 'Basic dGVzdA==', `Bearer ${'x'.repeat(37)}`]) {
    for (const path of ['/v1/requests', '/v1/nothing-here']) {
      const answer = await api.call('GET', path, undefined, { Authorization: token });
      expect(answer.json).toMatchObject({ status: 401, code: 'unauthorized' });
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="lethe"');
    }
  }
});

test('returns 404 for unknown paths and 405 with Allow for unknown methods', async () => {
  expect((await api.call('GET', `/v1/${CANARY}/nothing`)).json).toMatchObject({ code: 'not_found' });
  const put = await api.call('PUT', '/v1/requests', deletionOf([user('u')]));
  expect(put.json).toMatchObject({ status: 405, code: 'method_not_allowed' });
  expect(put.headers.get('Allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
  expect((await api.call('PATCH', '/v1/suppressions', {})).headers.get('Allow')?.split(', ').toSorted()).toEqual([
    'DELETE',
    'GET',
    'HEAD',
    'POST',
  ]);
});

test('returns the same 404 for unknown and malformed ids', async () => {
  for (const id of ['req_0000000000007000800000000000abcd', CANARY, "'; DROP TABLE", 'req_%00']) {
    const path = `/v1/requests/${encodeURIComponent(id)}`;
    const reason = { reason: 'ticket 1' };
    const answers = await Promise.all([
      api.call('GET', path),
      api.call('GET', `${path}/subjects`),
      api.call('GET', `${path}/progress`),
      api.call('GET', `${path}/receipt`),
      api.call('POST', `${path}/cancel`, {}),
      api.call('POST', `${path}/expedite`, { when: 'now', ...reason }),
      api.call('POST', `${path}/retry`, reason),
      api.call('POST', `${path}/skip`, { system: 'app', ...reason }),
    ]);
    for (const answer of answers) expect(answer.json).toMatchObject({ status: 404, code: 'request_not_found' });
  }
  for (const id of ['hold_0000000000007000800000000000abcd', CANARY]) {
    const answer = await api.call('DELETE', `/v1/holds/${encodeURIComponent(id)}`);
    expect(answer.json).toMatchObject({ status: 404, code: 'hold_not_found' });
  }
  expect(api.log.join('')).not.toContain('canary');
});

describe('a cancellation with an invalid body', () => {
  const cancelling = async (body?: unknown) => {
    const id = await submitDeletion(api, [user('u-1'), user('u-2')]);
    const answer = await api.call('POST', `/v1/requests/${id}/cancel`, body);
    const cancelled = await api.sql`
      SELECT FROM lethe.submitted_identities WHERE request_id = ${id} AND withdrawn_at IS NOT NULL`;
    expect(cancelled).toHaveLength(0);
    return answer.json;
  };

  test('does not treat a missing body as an empty one, which would cancel all subjects', async () => {
    expect(await cancelling()).toMatchObject({ status: 422, errors: [bodyError('', 'missing')] });
  });

  test('stops validating positions after 100 errors', async () => {
    const answer = await cancelling({ positions: Array.from({ length: 200_000 }, () => 0) });
    expect(answer).toMatchObject({ status: 422, code: 'invalid_request' });
    expect(answer).toHaveProperty('errors.length', 100);
  });
});
