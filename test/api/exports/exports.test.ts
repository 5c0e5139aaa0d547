import { expect, test } from 'vitest';
import { buildManifest } from '../../../archives/manifest.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { archives } from '../../support/archives.ts';
import { submitExport, exportOf, makeReady } from './exports.ts';
import { matchesOf, resolve } from '../support/ledger.ts';
import { submitDeletion, bearerOf, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const createToken = async (more: object) =>
  textOf(await api.call('POST', '/v1/tokens', { name: 'limited', ...more }), 'token');
const exporting = bearerOf(await createToken({ kinds: ['export'] }));
const deleting = bearerOf(await createToken({ kinds: ['deletion'] }));
const read = (id: string, path = '') => api.call('GET', `/v1/requests/${id}${path}`);

test('does not return, log or record the address of `notify`', async () => {
  const notify = 'canary-colleague@shop.test';
  const created = await api.call('POST', '/v1/requests', exportOf([user('u-1')], { notify }), {
    'Idempotency-Key': '"canary-free"',
  });
  const id = textOf(created, 'id');
  const form = new FormData();
  const fields = { project: 'demo', kind: 'deletion', regulation: 'gdpr', subjects: 'user', type: 'user_id', notify };
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('header', 'absent');
  form.append('exportFirst', 'true');
  form.append('file', new Blob(['u-9\n'], { type: 'text/csv' }), 'people.csv');
  const sent = new Request('http://localhost/', { method: 'POST', body: form });
  const upload = await api.call('POST', '/v1/uploads', await sent.text(), {
    'Content-Type': sent.headers.get('Content-Type') ?? '',
  });
  expect(upload.status).toBe(202);
  const stored =
    await api.sql`SELECT notify, export_first FROM lethe.requests WHERE notify = ${notify} ORDER BY export_first`;
  expect([...stored]).toEqual([
    { notify, exportFirst: false },
    { notify, exportFirst: true },
  ]);
  await makeReady(api, storage, id);
  const answers = [created, upload];
  for (const request of [id, textOf(upload, 'id')])
    for (const path of ['', '/subjects', '/progress', '/receipt', '/log']) answers.push(await read(request, path));
  for (const path of ['/v1/requests', '/v1/activity', `/v1/requests/${id}/links`])
    answers.push(await api.call('GET', path));
  expect(answers.map(({ text, headers }) => text + JSON.stringify([...headers])).join('')).not.toContain(
    'canary-colleague',
  );
  expect(api.log.join('')).not.toContain('canary-colleague');
  const events = await api.sql<{ text: string }[]>`SELECT detail::text AS text FROM lethe.audit_events`;
  expect(events.map(({ text }) => text).join('')).not.toContain('canary-colleague');
});

test('shows the archive in the status from when it is ready until after it is destroyed', async () => {
  const id = await submitExport(api, [user('u-1')]);
  expect((await read(id)).json).toMatchObject({
    kind: 'export',
    format: 'ndjson',
    archive: null,
    backupOf: null,
    hardDeleteAt: null,
    cancellableUntil: null,
    notHiddenIn: [],
    unverified: [],
  });
  const { bytes } = await makeReady(api, storage, id);
  const ready = await read(id);
  expect(ready.json).toMatchObject({
    status: 'ready',
    archive: {
      format: 'ndjson',
      rows: 12,
      bytes: bytes.length,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      readyAt: START.toISOString(),
      expiresAt: '2026-11-30T10:00:00.000Z',
      destroyedAt: null,
      reason: null,
    },
  });
  // The export is complete: an archive that still exists after the due date is not at risk.
  api.clock.now = new Date(START.getTime() + 40 * DAY_MS);
  expect((await read(id)).json).toMatchObject({ atRisk: false });
  const atRisk = await api.call('GET', '/v1/requests?atRisk=true&kind=export');
  expect(atRisk.text).not.toContain(id);
  api.clock.now = START;
  expect((await api.call('DELETE', `/v1/requests/${id}/archive`)).status).toBe(204);
  expect(api.orchestrator.signaled).toContain(id);
  expect((await read(id)).json).toMatchObject({
    status: 'expired',
    concludedAt: null,
    archive: { destroyedAt: START.toISOString(), reason: 'destroyed' },
  });
  expect(await api.sql`SELECT FROM lethe.archive_keys WHERE request_id = ${id}`).toHaveLength(0);
  expect((await api.call('DELETE', `/v1/requests/${id}/archive`)).json).toMatchObject({ code: 'archive_not_ready' });
});

test('returns the manifest of the archive as the receipt of an export', async () => {
  const id = await submitExport(api, [user('u-1')]);
  expect((await read(id, '/receipt')).json).toMatchObject({ status: 409, code: 'no_receipt_yet' });
  const column = { name: 'placed_at', type: 'timestamptz', meaning: 'When', source: false };
  const facts = {
    table: 'app.orders',
    meaning: null,
    columns: [column],
    windowed: false,
    retained: null,
    anonymised: [],
  };
  const manifest = buildManifest({
    request: {
      id,
      project: 'demo',
      subjectKind: 'user',
      regulation: 'gdpr',
      scope: 'data',
      format: 'ndjson',
      receivedAt: START,
      since: null,
      subjects: 1,
    },
    systems: [
      { system: 'app', cutOffAt: START },
      { system: 'mail', cutOffAt: null },
    ],
    parts: [{ system: 'app', object: '', facts: { ...facts, rows: 3, bytes: 9, sha256: '00'.repeat(32) } }],
    packagedAt: START,
  });
  await makeReady(api, storage, id);
  await api.sql`UPDATE lethe.requests SET receipt = ${JSON.stringify(manifest)}::text::json WHERE id = ${id}`;
  expect((await read(id, '/receipt')).json).toEqual(manifest);
});

test('reports the collections of the newest epoch in the progress', async () => {
  const id = await submitExport(api, [user('u-1')]);
  expect((await read(id, '/progress')).json).toMatchObject({ batches: [], collections: [] });
  await api.sql`INSERT INTO lethe.collections (request_id, epoch, system, state, cut_off_at, rows, bytes) VALUES
    (${id}, 1, 'app', 'collected', ${START}, 5, 500), (${id}, 2, 'mail', 'pending', NULL, 0, 0), (${id}, 2, 'app', 'pending', NULL, 3, 300)`;
  expect((await read(id, '/progress')).json).toMatchObject({
    collections: [
      { system: 'app', epoch: 2, state: 'pending', rows: 3, bytes: 300 },
      { system: 'mail', epoch: 2, state: 'pending', rows: 0, bytes: 0 },
    ],
  });
});

test('reports for each subject whether it is in the archive, and lists exports in a lookup', async () => {
  const names = ['look-1', 'look-2', 'look-3'];
  const id = await submitExport(api, names.map(user));
  await resolve(api.database, id, matchesOf(names), START);
  const outcomes = async () =>
    ((await read(id, '/subjects')).json as { items: { outcome: string }[] }).items.map((one) => one.outcome);
  expect(await outcomes()).toEqual(['matched', 'matched', 'matched']);
  await api.sql`UPDATE lethe.subjects SET state = CASE seq WHEN 1 THEN 'exported' WHEN 2 THEN 'left_out' ELSE 'cancelled' END
    WHERE request_id = ${id}`;
  expect(await outcomes()).toEqual(['exported', 'left_out', 'cancelled']);

  const lookUp = (headers = {}) =>
    api.call('POST', '/v1/subjects/lookup', { project: 'demo', kind: 'user', identity: user('look-1') }, headers);
  const found = { id, kind: 'export', outcome: 'exported' };
  expect((await lookUp()).json).toMatchObject({ openRequests: [found], deletions: [], exports: [] });
  await makeReady(api, storage, id);
  await api.sql`UPDATE lethe.requests SET status = 'expired', concluded_at = ${START} WHERE id = ${id}`;
  expect((await lookUp()).json).toMatchObject({ openRequests: [], deletions: [], exports: [found] });
  expect((await lookUp(deleting)).json).toMatchObject({ openRequests: [], deletions: [], exports: [] });
});

test('returns wrong_kind for operations of the other kind, and forbidden to a token of the other kind', async () => {
  const [exported, deletion] = [await submitExport(api, [user('u-1')]), await submitDeletion(api, [user('u-1')])];
  const reason = 'ticket 1';
  const deletionCalls = [
    ['POST', '/confirm', { expectedCount: 1 }],
    ['POST', '/expedite', { when: 'now', reason }],
    ['POST', '/skip', { system: 'app', reason }],
  ] as const;
  const exportCalls = [
    ['POST', '/links', {}],
    ['GET', '/links', undefined],
    ['DELETE', '/archive', undefined],
  ] as const;
  for (const [id, calls, others] of [
    [exported, deletionCalls, deleting],
    [deletion, exportCalls, exporting],
  ] as const) {
    for (const [method, path, body] of calls) {
      const call = (headers = {}) => api.call(method, `/v1/requests/${id}${path}`, body, headers);
      expect((await call()).json).toMatchObject({ status: 409, code: 'wrong_kind' });
      expect((await call(others)).json).toMatchObject({ status: 403, code: 'forbidden' });
    }
  }
});

test('retries a system of an export when the token may export', async () => {
  const id = await submitExport(api, [user('u-1')]);
  await withProjectLock(api.database, 'demo', (tx) =>
    raiseAttention(
      tx,
      { project: 'demo', requestId: id, system: 'app', step: 'collect', batch: 0 },
      { code: 'system_unavailable', at: START, retryAt: null },
    ),
  );
  expect((await read(id)).json).toMatchObject({
    attention: [{ system: 'app', step: 'collect', code: 'system_unavailable', remedy: expect.any(String) }],
  });
  const retry = (headers: Record<string, string>) =>
    api.call('POST', `/v1/requests/${id}/retry`, { reason: 'ticket 1' }, headers);
  expect((await retry(deleting)).json).toMatchObject({ code: 'forbidden', needs: ['export'] });
  const answer = await retry(exporting);
  expect([answer.status, answer.json]).toEqual([202, { id, systems: ['app'] }]);
  expect((await read(id)).json).toMatchObject({ attention: [] });
});

test('lists exports by kind and status for tokens that may export', async () => {
  const id = await submitExport(api, [user('u-1')]);
  await makeReady(api, storage, id);
  const deletion = await submitDeletion(api, [user('u-1')]);
  const listed = async (query: string, headers = {}) =>
    (await api.call('GET', `/v1/requests?${query}`, undefined, headers)).text;
  expect(await listed('kind=export&status=ready,collecting')).toContain(id);
  expect(await listed('kind=deletion')).not.toContain(id);
  expect(await listed('kind=export')).not.toContain(deletion);
  expect(await listed('', deleting)).not.toContain(id);
  expect(await listed('', exporting)).toContain(id);
  expect((await api.call('GET', '/v1/activity', undefined, deleting)).text).not.toContain(id);
});

test('cancels an export when the token may export', async () => {
  const id = await submitExport(api, [user('u-1'), user('u-2')]);
  expect((await api.call('POST', `/v1/requests/${id}/cancel`, {}, deleting)).status).toBe(403);
  const answer = await api.call('POST', `/v1/requests/${id}/cancel`, {}, exporting);
  expect([answer.status, answer.json]).toEqual([202, { id, cancelled: 2, tooLate: [], tooLateCount: 0 }]);
  expect((await api.call('GET', `/v1/requests/${id}`, undefined, exporting)).json).toMatchObject({
    status: 'cancelled',
  });
});
