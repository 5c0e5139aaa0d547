import { expect, test } from 'vitest';
import { startBackup } from '../../../db/backups/start.ts';
import { finishBackup } from '../../../db/backups/finish.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { archives } from '../../support/archives.ts';
import { exportOf, makeReady } from '../exports/exports.ts';
import { claimAt, hide, matchesOf } from '../support/ledger.ts';
import { submitDeletion, bearerOf, deletionOf, PROJECT, RUN, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const strict = await testApi({ project: { ...PROJECT, policy: { ...PROJECT.policy, exportFirst: true } } });
const at = START.toISOString();
const later = new Date(START.getTime() + DAY_MS);

/** A hidden deletion that waits for its export. */
async function waitingForExport(name: string) {
  const deletion = await submitDeletion(api, [user(name)], { exportFirst: true });
  await hide(api.database, deletion, matchesOf([name]), START);
  const backup = await startBackup(api.database, deletion, START);
  return { deletion, backup: backup ?? '' };
}
const read = async (id: string, of = '') => (await api.call('GET', `/v1/requests/${id}${of}`)).json;

test('exports before every deletion when the policy requires it', async () => {
  for (const more of [{}, { exportFirst: false }, { exportFirst: true }]) {
    const answer = await strict.call('POST', '/v1/requests', deletionOf([user('u-1')], more));
    const status = await strict.call('GET', `/v1/requests/${textOf(answer, 'id')}`);
    expect(status.json).toMatchObject({ exportFirst: true, backups: [] });
  }
  const answer = await strict.call('POST', '/v1/requests', exportOf([user('u-1')]));
  expect((await strict.call('GET', `/v1/requests/${textOf(answer, 'id')}`)).json).toMatchObject({ exportFirst: false });
  const deletion = textOf(await strict.call('POST', '/v1/requests', deletionOf([user('u-2')])), 'id');
  await hide(strict.database, deletion, matchesOf(['u-2']), START);
  expect(await claimAt(strict.database, deletion, RUN)).toMatchObject({ claimed: 0 });
});

test('links a deletion and the export that precedes it in status and receipt', async () => {
  const { deletion, backup } = await waitingForExport('u-3');
  const started = { requestId: backup, status: 'resolving', readyAt: null, expiresAt: null, subjects: 1 };
  expect(await read(deletion)).toMatchObject({ exportFirst: true, backups: [started] });
  expect(await read(backup)).toMatchObject({ kind: 'export', backupOf: deletion, exportFirst: false, backups: [] });
  await api.sql`UPDATE lethe.subjects SET state = 'exported' WHERE request_id = ${backup}`;
  await makeReady(api, storage, backup);
  await withProjectLock(api.database, 'demo', async (tx) =>
    finishBackup(tx, await readRequestRow(tx, backup), { window: PROJECT.policy.window, at: START }),
  );
  const expiresAt = new Date(START.getTime() + 7 * DAY_MS).toISOString();
  const ready = { ...started, status: 'ready', readyAt: at, expiresAt };
  expect(await read(deletion)).toMatchObject({ backups: [ready] });
  expect(await claimAt(api.database, deletion, RUN)).toMatchObject({ claimed: 1 });
  expect(await read(deletion, '/receipt')).toMatchObject({ kind: 'deletion', backups: [ready] });
});

test('retries a system of the export through the deletion and rejects skipping it', async () => {
  const { deletion, backup } = await waitingForExport('u-4');
  const key = { project: 'demo', requestId: backup, system: 'app', step: 'collect', batch: 0 } as const;
  await withProjectLock(api.database, 'demo', (tx) =>
    raiseAttention(tx, key, { code: 'system_refused', at: START, retryAt: later }),
  );
  expect(await read(deletion)).toMatchObject({
    attention: [{ system: 'app', step: 'backup', code: 'backup_failing', retryAt: later.toISOString() }],
  });
  const reason = { system: 'app', reason: 'contract ended' };
  for (const id of [deletion, backup]) {
    const skipped = await api.call('POST', `/v1/requests/${id}/skip`, reason);
    expect([skipped.status, skipped.json]).toMatchObject([409, { code: 'wrong_kind' }]);
  }
  const retried = await api.call('POST', `/v1/requests/${deletion}/retry`, { reason: 'repaired' });
  expect([retried.status, retried.json]).toMatchObject([202, { systems: ['app'] }]);
  expect(api.orchestrator.signaled).toEqual([deletion, backup]);
  for (const id of [deletion, backup]) expect(await read(id)).toMatchObject({ attention: [] });
});

test.each([
  ['the caller requests exportFirst', api, { exportFirst: true }],
  ['the policy requires the export and notify is set', strict, { notify: 'desk@x.test' }],
] as const)(
  'requires the permission to export, and for everyone an owner, when %s',
  async (_condition, target, condition) => {
    const created = await target.call('POST', '/v1/tokens', { name: 'deletes', kinds: ['deletion'] });
    const deleting = bearerOf(textOf(created, 'token'));
    const admin = bearerOf(await target.member('an admin', { role: 'admin' }));
    const submit = async (more: object, by: Record<string, string>) =>
      (await target.call('POST', '/v1/requests', deletionOf([user('u-9')], { ...more }), by)).json;
    const everyone = { subjects: { kind: 'user', everyone: true }, confirm: true };
    const stored = () => target.sql`SELECT count(*) FROM lethe.requests`;
    const before = await stored();
    expect(await submit(condition, deleting)).toMatchObject({ status: 403, needs: ['export'] });
    expect(await submit({ ...condition, ...everyone }, admin)).toMatchObject({ status: 403, needs: ['owner'] });
    expect(await stored()).toEqual(before);
    expect(await submit(condition, admin)).toMatchObject({ status: 'received' });
    expect(await submit({}, deleting)).toMatchObject({ status: 'received' });
  },
);

test('rejects an upload with exportFirst when the token may not export', async () => {
  const created = await api.call('POST', '/v1/tokens', { name: 'deletes files', kinds: ['deletion'] });
  const headers = { ...bearerOf(textOf(created, 'token')), 'Content-Type': 'text/csv' };
  const query = 'project=demo&kind=deletion&subjects=user&regulation=gdpr&type=user_id&header=absent';
  const send = async (more = '') => (await api.call('POST', `/v1/uploads?${query}${more}`, 'u-10\n', headers)).json;
  expect(await send('&exportFirst=true')).toMatchObject({ status: 403, needs: ['export'] });
  expect(await send()).toMatchObject({ status: 'received' });
});
