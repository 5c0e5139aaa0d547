import { expect, test } from 'vitest';
import { newestDigest } from '../../../db/digests.ts';
import { pendingSuppressions } from '../../../db/operations/stalled.ts';
import { readPendingSuppression, markSuppressionPropagated } from '../../../db/suppressions/propagate.ts';
import { propagateTo } from '../../support/suppressions.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { identityFactOf, claimAt, concludeAll, deleteFirstBatch, hide, matchOf } from '../support/ledger.ts';
import { submitDeletion, KEYS, RUN, type SentIdentity, START, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();

const lookup = async (identity: SentIdentity, more: Record<string, unknown> = {}) =>
  (await api.call('POST', '/v1/subjects/lookup', { project: 'demo', kind: 'user', identity, ...more })).json;
const SYSTEMS = ['app', 'mail'];
const EMPTY = { openRequests: [], deletions: [], exports: [], holds: [], suppressions: [] };

test('finds a request by every identity of its subject', async () => {
  const id = await submitDeletion(api, [user('look-1')]);
  expect(await lookup(user('look-1'))).toMatchObject({ openRequests: [{ id, outcome: null }], deletions: [] });
  expect(await lookup({ type: 'alias', value: 'nick' })).toEqual(EMPTY);
  const facts = [
    matchOf(1, 'look-1'),
    identityFactOf('look-1', 'alias', ['nick']),
    identityFactOf('look-1', 'email', ['look@x.test', 'b']),
  ];
  await hide(api.database, id, facts, START);
  const none = { rows: 0, columns: [] };
  for (const identity of [
    user('look-1'),
    { type: 'alias', value: 'nick' },
    { type: 'email', value: ['LOOK@x.test', 'B'] },
  ]) {
    expect(await lookup(identity)).toMatchObject({
      openRequests: [{ id, outcome: 'soft_deleted', retained: [], anonymised: none, href: `/v1/requests/${id}` }],
    });
  }
  expect(await lookup(user('look-1'), { project: 'other' })).toEqual(EMPTY);
  expect(await lookup({ type: 'company_id', value: '1' }, { kind: 'company' })).toEqual(EMPTY);

  await claimAt(api.database, id, RUN);
  await deleteFirstBatch(api.database, id, RUN);
  await concludeAll(api.database, id, new Date(RUN.getTime() + DAY_MS));
  expect(await lookup({ type: 'alias', value: 'nick' })).toMatchObject({
    openRequests: [],
    deletions: [
      {
        id,
        status: 'completed',
        outcome: 'deleted',
        retained: [{ basis: 'tax law, 10 years', rows: 2 }],
        anonymised: { rows: 1, columns: ['email', 'name'] },
      },
    ],
  });
});

test('finds a digest that was stored with an older key', async () => {
  const identity = { type: 'user_id', value: ['old-key'] };
  const [, older] = KEYS;
  if (older === undefined) throw new Error('two digest keys are needed');
  const { digest, keyId } = newestDigest([older], 'demo', 'user', identity);
  await api.sql`INSERT INTO lethe.holds (id, project, kind, case_ref, held_by, identities, placed_at, placed_by)
    VALUES ('hold_00000000000000000000000000000001', 'demo', 'user', 'C-1', 'counsel', 1, ${START}, 'mem_1')`;
  await api.sql`INSERT INTO lethe.hold_digests (hold_id, project, kind, digest, key_id)
    VALUES ('hold_00000000000000000000000000000001', 'demo', 'user', decode(${digest.toString('hex')}, 'hex'), ${keyId})`;
  expect(await lookup(user('old-key'))).toMatchObject({ holds: [{ caseRef: 'C-1', heldBy: 'counsel' }] });
});

test('returns a hold until it is released', async () => {
  const placed = await api.call('POST', '/v1/holds', {
    project: 'demo',
    kind: 'user',
    identities: [{ type: 'email', value: ['Held@x.test', 'b'] }],
    caseRef: 'C-8',
    heldBy: 'counsel',
  });
  const email = { type: 'email', value: ['held@X.test', 'B'] };
  expect(await lookup(email)).toMatchObject({ holds: [{ id: textOf(placed, 'id'), caseRef: 'C-8' }] });
  await api.call('DELETE', `/v1/holds/${textOf(placed, 'id')}`);
  expect(await lookup(email)).toEqual(EMPTY);
});

const suppress = (method: 'POST' | 'DELETE', identity: SentIdentity) =>
  api.call(method, '/v1/suppressions', { project: 'demo', kind: 'user', identity });
const rowOf = async (id: string) =>
  (
    await api.sql`SELECT lifted_at IS NOT NULL AS lifted, propagated_at IS NOT NULL AS propagated, identity FROM lethe.suppressions WHERE id = ${id}`
  )[0];

test('stores one row per suppressed identity and erases the identity after propagation', async () => {
  const identity = { type: 'email', value: ['No@x.test', 'b'] };
  const placed = await suppress('POST', identity);
  const id = textOf(placed, 'id');
  expect(placed.status).toBe(202);
  expect(api.orchestrator.suppressions).toEqual([id]);
  expect(await lookup(identity)).toMatchObject({
    suppressions: [{ id, requestId: null, since: START.toISOString(), missingIn: SYSTEMS }],
  });
  expect(await rowOf(id)).toEqual({
    lifted: false,
    propagated: false,
    identity: { type: 'email', value: ['No@x.test', 'b'] },
  });
  expect(await readPendingSuppression(api.database, id)).toMatchObject({ suppressed: true });
  expect(await pendingSuppressions(api.database, 10)).toEqual([id]);
  await propagateTo(api.database, id, { suppressed: true, systems: SYSTEMS, at: START });
  expect(await rowOf(id)).toEqual({ lifted: false, propagated: true, identity: null });

  expect(textOf(await suppress('POST', identity), 'id')).toBe(id);
  expect(await rowOf(id)).toEqual({ lifted: false, propagated: true, identity: null });

  const lifted = await suppress('DELETE', identity);
  expect(lifted.json).toEqual({ id, liftedAt: START.toISOString() });
  expect(await lookup(identity)).toEqual(EMPTY);
  expect(await readPendingSuppression(api.database, id)).toMatchObject({
    suppressed: false,
    identity: { type: 'email' },
  });
  // A late propagation of the placement must not count as the propagation of the lifting.
  await markSuppressionPropagated(api.database, id, { suppressed: true, systems: [], at: START });
  expect(await rowOf(id)).toMatchObject({ lifted: true, propagated: false });

  expect((await suppress('DELETE', identity)).json).toMatchObject({ status: 404, code: 'suppression_not_found' });
  expect(textOf(await suppress('POST', identity), 'id')).toBe(id);
  expect(await rowOf(id)).toMatchObject({ lifted: false, propagated: false });
});

test('keeps the other identities of a deletion suppressed when one of them is lifted', async () => {
  const id = await submitDeletion(api, [user('kept')], { suppress: true });
  await hide(api.database, id, [matchOf(1, 'kept'), identityFactOf('kept', 'alias', ['kept-alias'])], START);
  await claimAt(api.database, id, RUN);
  await deleteFirstBatch(api.database, id, RUN);
  await concludeAll(api.database, id, new Date(RUN.getTime() + DAY_MS));
  expect(await lookup({ type: 'alias', value: 'kept-alias' })).toMatchObject({
    suppressions: [{ requestId: id, missingIn: [] }],
  });
  const suppression = { placed: 1, pending: 0, missingIn: [] };
  for (const path of [`/v1/requests/${id}`, `/v1/requests/${id}/receipt`])
    expect((await api.call('GET', path)).json).toMatchObject({ suppression });

  const lifted = await suppress('DELETE', user('kept'));
  expect(lifted.status).toBe(202);
  expect(await lookup(user('kept'))).toMatchObject({ suppressions: [] });
  expect(await lookup({ type: 'alias', value: 'kept-alias' })).toMatchObject({ suppressions: [{ requestId: id }] });
  expect(await readPendingSuppression(api.database, textOf(lifted, 'id'))).toMatchObject({
    suppressed: false,
    identity: { type: 'user_id', value: ['kept'] },
  });
});

test('reports an invalid identity by its pointer and not by its value', async () => {
  for (const path of ['/v1/subjects/lookup', '/v1/suppressions']) {
    const answer = await api.call('POST', path, {
      project: 'demo',
      kind: 'user',
      identity: { type: 'xng_id', value: 'canary' },
    });
    expect(answer.json).toMatchObject({ errors: [{ pointer: '/identity/value', code: 'not_a_uuid' }] });
    expect(answer.text).not.toContain('canary');
  }
  expect(api.log.join('')).not.toContain('canary');
});
