import { describe, expect, test } from 'vitest';
import { accepted, deletionOf, testApi, user } from '../support/api.ts';

const api = await testApi({ bodyLimitBytes: 1_000_000 });
const CANARY = 'canary-7f3a@leak.test';

const refused = async (body: unknown, headers?: Record<string, string>) => {
  const answer = await api.call('POST', '/v1/requests', body, headers);
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
  expect(answer.text).not.toContain(CANARY);
  return answer;
};
const fault = (pointer: string, code: string) => ({ in: 'body', pointer, code });

describe('each a clear problem', () => {
  test('an unknown project is 404', async () => {
    const answer = await refused({ ...deletionOf([user(CANARY)]), project: CANARY });
    expect(answer.json).toMatchObject({ status: 404, code: 'project_not_found' });
  });

  test('an empty list', async () => {
    const answer = await refused(deletionOf([]));
    expect(answer.json).toMatchObject({ status: 422, errors: [fault('/subjects/identities', 'too_small')] });
  });

  test('2 001 identities name the limit', async () => {
    const answer = await refused(deletionOf(Array.from({ length: 2_001 }, (_, index) => user(`u-${index}`))));
    expect(answer.json).toMatchObject({ status: 422, code: 'too_many_subjects', limit: 2_000, submitted: 2_001 });
  });

  test('control characters, a NUL, half a character, a 10 kB value, an unknown type and half a composite, all at once', async () => {
    const answer = await refused(
      deletionOf([
        user(`${CANARY}\n`),
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
        fault('/subjects/identities/0/value', 'control_characters'),
        fault('/subjects/identities/1/value', 'control_characters'),
        fault('/subjects/identities/2/value', 'control_characters'),
        fault('/subjects/identities/3/value', 'too_long'),
        fault('/subjects/identities/4/value', 'empty'),
        fault('/subjects/identities/5/type', 'unknown_type'),
        fault('/subjects/identities/6/type', 'unknown_type'),
        fault('/subjects/identities/7/value', 'wrong_number_of_values'),
        fault('/subjects/identities/8/value', 'wrong_number_of_values'),
      ],
    });
  });

  test('of 2 000 faults the first hundred', async () => {
    const answer = await refused(deletionOf(Array.from({ length: 2_000 }, () => ({ type: 'none', value: 'x' }))));
    expect(answer.json).toMatchObject({
      detail: '2000 validation errors, the first 100 are listed in `errors`. Nothing was changed.',
    });
    expect(answer.json).toHaveProperty('errors.length', 100);
  });

  test('of a list of nothing else no more is looked at than is told', async () => {
    // Each element is a fault or two; as many as the body limit takes would be minutes and gigabytes of them.
    const many = Array.from({ length: 200_000 }, () => ({}));
    const kept = { project: 'demo', kind: 'user', caseRef: 'C-7', heldBy: 'counsel', identities: many };
    for (const [path, body] of [
      ['/v1/requests', deletionOf(many)],
      ['/v1/requests', { ...deletionOf([]), subjects: { kind: 'user', everyone: true, except: many } }],
      ['/v1/holds', kept],
    ] as const) {
      const answer = await api.call('POST', path, body);
      expect(answer.json).toMatchObject({ status: 422, code: 'invalid_request' });
      expect(answer.json).toHaveProperty('errors.length', 100);
    }
    const { json } = await api.call('POST', '/v1/tokens', { name: 'nightly', kinds: many });
    expect(json).toMatchObject({ status: 422, errors: [fault('/kinds', 'too_big')] });
    expect(await api.sql`SELECT FROM lethe.requests`).toHaveLength(0);
  });

  test('identities of another kind of subject', async () => {
    const answer = await refused({ ...deletionOf([]), subjects: { kind: 'company', identities: [user(CANARY)] } });
    expect(answer.json).toMatchObject({ errors: [fault('/subjects/identities/0/type', 'unknown_type')] });
  });

  test('segment and identities together, and neither', async () => {
    for (const subjects of [
      { kind: 'user', identities: [user(CANARY)], segment: 'all' },
      { kind: 'user', segment: 'all', everyone: true },
      { kind: 'user' },
    ]) {
      expect((await refused({ ...deletionOf([]), subjects })).json).toMatchObject({
        errors: [fault('/subjects', 'custom')],
      });
    }
  });

  test('a segment of companies', async () => {
    const answer = await refused({ ...deletionOf([]), subjects: { kind: 'company', segment: 'all' } });
    expect(answer.json).toMatchObject({ errors: [fault('/subjects/segment', 'no_segments')] });
  });

  test('a segment or texts with a NUL never reach the ledger', async () => {
    const answer = await refused({ ...deletionOf([]), subjects: { kind: 'user', segment: 'a\u0000b' } });
    expect(answer.json).toMatchObject({ errors: [fault('/subjects/segment', 'custom')] });
  });

  test('a regulation without a deadline', async () => {
    for (const regulation of ['hipaa', 'constructor', '']) {
      const answer = await refused(deletionOf([user('u')], { regulation }));
      expect(answer.json).toMatchObject({ errors: [fault('/regulation', 'unknown_regulation')] });
    }
  });

  test('an expedition without a reason, and reject without identities', async () => {
    const noReason = await refused(deletionOf([user('u')], { expedite: { when: 'now' } }));
    expect(noReason.json).toMatchObject({ errors: [fault('/expedite/reason', 'invalid_type')] });
    const everyone = {
      ...deletionOf([]),
      subjects: { kind: 'user', everyone: true },
      confirm: true,
      onConflict: 'reject',
    };
    expect((await refused(everyone)).json).toMatchObject({ errors: [fault('/onConflict', 'needs_identities')] });
  });

  test('members that are not in the document, whose very names may be identities', async () => {
    const answer = await refused({ ...deletionOf([{ ...user('u'), [CANARY]: 1 }]), [CANARY]: CANARY });
    expect(answer.json).toMatchObject({ status: 422 });
    expect(answer.text).toContain('unrecognized_keys');
  });

  test('a scope that is none is refused rather than taken for the whole', async () => {
    for (const scope of ['everything', null, ['data']])
      expect((await refused(deletionOf([user('u')], { scope }))).status).toBe(422);
  });

  test('malformed JSON, an empty body, a list, a text', async () => {
    expect((await refused(`{"a": "${CANARY}`)).json).toMatchObject({ status: 400, code: 'malformed_json' });
    expect((await refused('')).json).toMatchObject({ status: 400, code: 'malformed_json' });
    expect((await refused([CANARY])).status).toBe(422);
    expect((await refused(`"${CANARY}"`)).status).toBe(422);
    expect((await refused(undefined)).status).toBe(422);
  });

  test('another media type', async () => {
    const answer = await refused(CANARY, { 'Content-Type': 'text/csv' });
    expect(answer.json).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('a body over the limit, with its length told and without', async () => {
    const large = `"${'x'.repeat(1_000_001)}"`;
    expect((await refused(large)).json).toMatchObject({ status: 413, code: 'body_too_large', limit: 1_000_000 });
    const told = await refused(large, { 'Content-Length': String(large.length) });
    expect(told.json).toMatchObject({ status: 413 });
  });
});

test('none of them stored anything, started anything, or left the canary in a log line', async () => {
  const [counts] = await api.sql`SELECT (SELECT count(*) FROM lethe.requests) AS requests,
    (SELECT count(*) FROM lethe.submitted_identities) AS identities, (SELECT count(*) FROM lethe.audit_events WHERE actor <> 'test') AS events`;
  expect(counts).toEqual({ requests: 0, identities: 0, events: 0 });
  expect(api.orchestrator.started).toEqual([]);
  expect(api.log.length).toBeGreaterThan(20);
  expect(api.log.join('')).not.toContain(CANARY);
  expect(api.log.join('')).not.toContain('canary');
});

test('without the token everything under /v1 is 401, unknown paths too, and says how to ask', async () => {
  for (const token of ['', 'Bearer', 'Bearer wrong', 'Basic dGVzdA==', `Bearer ${'x'.repeat(37)}`]) {
    for (const path of ['/v1/requests', '/v1/nothing-here']) {
      const answer = await api.call('GET', path, undefined, { Authorization: token });
      expect(answer.json).toMatchObject({ status: 401, code: 'unauthorized' });
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="lethe"');
    }
  }
});

test('unknown paths are 404, unknown methods 405 with Allow', async () => {
  expect((await api.call('GET', `/v1/${CANARY}/nothing`)).json).toMatchObject({ code: 'not_found' });
  const put = await api.call('PUT', '/v1/requests', deletionOf([user('u')]));
  expect(put.json).toMatchObject({ status: 405, code: 'method_not_allowed' });
  expect(put.headers.get('Allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
  expect((await api.call('PATCH', '/v1/suppressions', {})).headers.get('Allow')?.split(', ').toSorted()).toEqual([
    'DELETE',
    'POST',
  ]);
});

test('ids that are unknown, and texts that can be no id, are 404 alike', async () => {
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

describe('a cancellation that says whom only badly cancels nobody', () => {
  const cancelling = async (body?: unknown) => {
    const id = await accepted(api, [user('u-1'), user('u-2')]);
    const answer = await api.call('POST', `/v1/requests/${id}/cancel`, body);
    const withdrawn = await api.sql`
      SELECT FROM lethe.submitted_identities WHERE request_id = ${id} AND withdrawn_at IS NOT NULL`;
    expect(withdrawn).toHaveLength(0);
    return answer.json;
  };

  test('a body that was lost on the way is not taken for an empty one, which means all', async () => {
    expect(await cancelling()).toMatchObject({ status: 422, errors: [fault('', 'missing')] });
  });

  test('of positions that can be none no more are looked at than are told', async () => {
    const answer = await cancelling({ positions: Array.from({ length: 200_000 }, () => 0) });
    expect(answer).toMatchObject({ status: 422, code: 'invalid_request' });
    expect(answer).toHaveProperty('errors.length', 100);
  });
});
