import { Client } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { archives, PUBLIC_URL } from '../../../support/archives.ts';
import { notificationDeps } from '../../../support/outbound.ts';
import { housekeepingActivities } from '../../../../activities/housekeeping.ts';
import { createApp } from '../../../../api/app.ts';
import { temporalOrchestrator } from '../../../../api/temporal/orchestrator.ts';
import { createDigestKeys } from '../../../../db/digests.ts';
import { projects } from '../../../../db/schema/projects.ts';
import { transaction } from '../../../../db/transaction.ts';
import { DAY_MS } from '../../../../domain/calendar.ts';
import { workflowIdFor } from '../../../../domain/ids.ts';
import { devServer } from '../../../support/servers/temporal.ts';
import { applyVisibility, concludeAll, hide, matchOf } from '../../support/ledger.ts';
import {
  type Answer,
  bearerOf,
  CATALOG,
  deletionOf,
  KEYS,
  START,
  type TestApi,
  testApi,
  textOf,
  user,
} from '../../support/api.ts';

const api = await testApi();
const body = (name: string, more: Record<string, unknown> = {}) => deletionOf([user(name)], more);
const post = (key: string, sent: unknown, to: TestApi = api, token = to.owner.token): Promise<Answer> =>
  to.call('POST', '/v1/requests', sent, { 'Idempotency-Key': key, ...bearerOf(token) });

const counts = async ({ database }: TestApi = api) => {
  const [row] = await database.$client`SELECT (SELECT count(*) FROM lethe.requests) AS requests,
    (SELECT count(*) FROM lethe.submitted_identities) AS identities, (SELECT count(*) FROM lethe.idempotency_keys) AS keys,
    (SELECT count(*) FROM lethe.audit_events WHERE action = 'request.received') AS events`;
  return row;
};

/** Sends 100 concurrent calls: one is accepted; the others get its response, or must retry while it runs. */
async function sendHundred(to: TestApi, key: string, sent: unknown) {
  const answers = await Promise.all(Array.from({ length: 100 }, () => post(key, sent, to)));
  const accepted = answers.filter((one) => one.status === 202);
  const busy = answers.filter((one) => one.status !== 202);
  for (const one of busy) {
    expect(one.json).toMatchObject({ status: 409, code: 'idempotency_key_in_use' });
    expect(one.headers.get('Retry-After')).toBe('1');
  }
  expect(accepted.filter((one) => one.headers.get('Idempotency-Replayed') === null)).toHaveLength(1);
  expect(new Set(accepted.map((one) => one.text)).size).toBe(1);
  const [first] = accepted;
  if (first === undefined) throw new Error('no call was accepted');
  return textOf(first, 'id');
}

test('creates one request for 100 identical concurrent calls and replays its response later', async () => {
  const sent = body('hundred');
  const id = await sendHundred(api, 'hundred', sent);
  expect(await counts()).toEqual({ requests: 1, identities: 1, keys: 1, events: 1 });
  expect(api.orchestrator.started).toEqual([id]);
  const later = await post('hundred', sent);
  expect([later.status, later.headers.get('Idempotency-Replayed')]).toEqual([202, 'true']);
  expect(later.headers.get('Location')).toBe(`/v1/requests/${id}`);
  expect(await counts()).toEqual({ requests: 1, identities: 1, keys: 1, events: 1 });
  expect(api.orchestrator.started).toEqual([id]);
});

test('starts one workflow with one run for 100 identical concurrent calls', async () => {
  const { env } = await devServer();
  const client = new Client({ connection: env.connection });
  const warned: object[] = [];
  const { url, database } = await testApi();
  const orchestrator = temporalOrchestrator(client, {
    database,
    log: { warn: (fields) => void warned.push(fields) },
  });
  const real = await testApi({ url, orchestrator });
  const id = await sendHundred(real, 'hundred', body('hundred'));
  const history = await client.workflow.getHandle(workflowIdFor(id)).fetchHistory();
  expect(history.events?.filter((event) => event.workflowExecutionStartedEventAttributes)).toHaveLength(1);
  await expect
    .poll(async () => {
      const found = [];
      for await (const one of client.workflow.list({ query: "WorkflowType = 'fulfillDeletion'" }))
        found.push(one.workflowId);
      return found;
    })
    .toEqual([workflowIdFor(id)]);
  expect(await counts(real)).toEqual({ requests: 1, identities: 1, keys: 1, events: 1 });
  expect(warned).toEqual([]);
});

test('ignores the order of fields and explicit defaults in the body', async () => {
  const first = await post('same', body('same'));
  const reordered = Object.fromEntries(Object.entries(body('same', { suppress: false, expedite: null })).toReversed());
  const again = await post('same', reordered);
  expect(again.headers.get('Idempotency-Replayed')).toBe('true');
  expect(again.json).toEqual(first.json);
});

test('rejects another body with the same key and stores nothing', async () => {
  await post('reused', body('reused'));
  const before = await counts();
  for (const other of [body('another'), body('reused', { suppress: true })]) {
    const rejected = await post('reused', other);
    expect(rejected.json).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    expect(rejected.headers.get('Idempotency-Replayed')).toBeNull();
  }
  expect(await counts()).toEqual(before);
});

test('scopes keys to the member, not to the token', async () => {
  const other = await api.member('another member');
  const first = await post('shared', body('shared'));
  const theirs = await post('shared', body('of another'), api, other.token);
  expect(theirs.status).toBe(202);
  expect(theirs.headers.get('Idempotency-Replayed')).toBeNull();
  expect(textOf(theirs, 'id')).not.toBe(textOf(first, 'id'));
  const created = await api.call('POST', '/v1/tokens', { name: 'a second one' });
  const again = await post('shared', body('shared'), api, textOf(created, 'token'));
  expect(textOf(again, 'id')).toBe(textOf(first, 'id'));
});

test('replays a key for 24 hours and creates a new request afterward', async () => {
  const first = await post('old', body('old'));
  api.clock.now = new Date(START.getTime() + DAY_MS - 1_000);
  expect(textOf(await post('old', body('old')), 'id')).toBe(textOf(first, 'id'));
  api.clock.now = new Date(START.getTime() + DAY_MS);
  const second = await post('old', body('another'));
  expect(second.status).toBe(202);
  expect(textOf(second, 'id')).not.toBe(textOf(first, 'id'));
  expect(textOf(await post('old', body('another')), 'id')).toBe(textOf(second, 'id'));
  api.clock.now = new Date(START.getTime() + 3 * DAY_MS);
  expect((await post('old', body('another'))).headers.get('Idempotency-Replayed')).toBeNull();
  api.clock.now = START;
});

test('does not store the key of a rejected request', async () => {
  const taken = await post('taken', body('taken'));
  const before = await counts();
  const tooMany = deletionOf(Array.from({ length: 2_001 }, (_, index) => user(`many-${index}`)));
  for (const [sent, code] of [
    [body('x', { regulation: 'hipaa' }), 'invalid_request'],
    [tooMany, 'too_many_subjects'],
    [body('taken', { onConflict: 'reject' }), 'subject_conflict'],
  ] as const)
    expect((await post('refused', sent)).json).toMatchObject({ code });
  expect(await counts()).toEqual(before);
  const accepted = await post('refused', body('free', { onConflict: 'reject' }));
  expect(accepted.status).toBe(202);
  expect(textOf(accepted, 'id')).not.toBe(textOf(taken, 'id'));
});

test('rejects a second call while the first runs and frees the key when the first crashes', async () => {
  const waiting = async () =>
    api.sql<{ pid: number }[]>`SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO "lethe"."requests"%'`;
  const before = await counts();
  // This lock on the project's row blocks the first call, whose request references it. Lethe's own lock does not.
  const { crashed, second } = await transaction(api.database, async (tx) => {
    await tx.execute(sql`SELECT FROM ${projects} WHERE name = 'demo' FOR UPDATE`);
    const first = post('running', body('running'));
    await expect.poll(async () => (await waiting()).length).toBe(1);
    const other = await post('running', body('running'));
    expect(other.json).toMatchObject({ status: 409, code: 'idempotency_key_in_use' });
    for (const { pid } of await waiting()) await api.sql`SELECT pg_terminate_backend(${pid}::integer)`;
    return { crashed: await first, second: { answer: post('running', body('running')) } };
  });
  expect(crashed.json).toMatchObject({ status: 503, code: 'storage_unavailable' });
  const accepted = await second.answer;
  expect([accepted.status, accepted.headers.get('Idempotency-Replayed')]).toEqual([202, null]);
  expect((await counts())?.['requests']).toBe(Number(before?.['requests']) + 1);
});

test('replays an ended request with its current status', async () => {
  const first = await post('ended', body('ended'));
  const id = textOf(first, 'id');
  await hide(api.database, id, [matchOf(1, 'ended')], START);
  await api.call('POST', `/v1/requests/${id}/cancel`, {});
  await applyVisibility(api.database, id, START);
  await concludeAll(api.database, id, START);
  const again = await post('ended', body('ended'));
  expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([202, 'true']);
  expect(again.json).toMatchObject({ id, status: 'cancelled', submitted: 1 });
});

test('recognizes the body after a rotation of the digest keys, unless its key is missing', async () => {
  const first = await post('rotated', body('rotated'));
  const [newest, oldest] = KEYS;
  if (oldest === undefined) throw new Error('two keys are needed');
  const rotated = (keys: typeof KEYS) => {
    const { database, orchestrator } = api;
    const app = createApp({
      database,
      keys,
      catalog: CATALOG,
      orchestrator,
      now: () => START,
      storage: archives(),
      publicUrl: PUBLIC_URL,
      logger: pino({ level: 'silent' }),
    });
    return (sent: unknown) =>
      app.request(
        '/v1/requests',
        {
          method: 'POST',
          body: JSON.stringify(sent),
          headers: {
            ...bearerOf(api.owner),
            'Content-Type': 'application/json',
            'Idempotency-Key': 'rotated',
          },
        },
        { incoming: { socket: { remoteAddress: '127.0.0.1' } } },
      );
  };
  const newer = rotated([...createDigestKeys([{ id: 'k3', key: Buffer.alloc(32, 3) }]), newest, oldest]);
  const again = await newer(body('rotated'));
  expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([202, 'true']);
  expect(await again.json()).toEqual(first.json);
  expect((await newer(body('another'))).status).toBe(422);
  // A process that started before the rotation.
  const older = await rotated([oldest])(body('rotated'));
  expect([older.status, await older.json()]).toEqual([
    422,
    expect.objectContaining({ code: 'idempotency_key_reused' }),
  ]);
});

test('accepts a key with or without quotes and rejects an invalid key', async () => {
  const first = await post('"quoted\\"\\\\"', body('quoted'));
  expect(first.status).toBe(202);
  expect(textOf(await post('quoted"\\', body('quoted')), 'id')).toBe(textOf(first, 'id'));
  const before = await counts();
  for (const key of ['""', '"', '"a', '"a"b', '"a\\b"', 'a b', 'a\tb', 'caf\u00e9', '"a", "b"', 'x'.repeat(256)]) {
    const rejected = await post(key, body('none'));
    expect(rejected.json).toMatchObject({ status: 422, errors: [{ in: 'header', pointer: '/Idempotency-Key' }] });
  }
  expect((await post('x'.repeat(255), body('longest'))).status).toBe(202);
  expect((await counts())?.['requests']).toBe(Number(before?.['requests']) + 1);
});

test('needs one statement without the header, three with it, and one for a replay', async () => {
  api.statements();
  await api.call('POST', '/v1/requests', body('counted'));
  expect(api.statements()).toHaveLength(2);
  for (const statements of [4, 2]) {
    await post('counted', body('counted'));
    expect(api.statements()).toHaveLength(statements);
  }
});

test('stores neither key nor body and deletes keys after a day', async () => {
  const CANARY = 'canary-91c4';
  await post(`${CANARY}@leak.test`, body(CANARY));
  const kept = await api.sql<
    { row: string }[]
  >`SELECT to_jsonb(idempotency_keys)::text AS row FROM lethe.idempotency_keys`;
  expect(kept.length).toBeGreaterThan(5);
  const text = JSON.stringify(kept);
  expect(text).not.toContain(CANARY);
  expect(text).not.toContain(Buffer.from(CANARY).toString('hex'));
  expect(api.log.join('')).not.toContain(CANARY);

  api.clock.now = new Date(START.getTime() + DAY_MS / 2);
  await post('younger', body('younger'));
  api.clock.now = START;
  const { requests } = (await counts()) ?? {};
  const { database } = api;
  const idleStarter = {
    start: async () => {},
    startSuppression: async () => {},
    signalRequests: async () => {},
    startNotifications: async () => {},
    watchSystem: async () => {},
  };
  const unused = () => {
    throw new Error('housekeeping does not need this');
  };
  const deps = {
    database,
    reading: database,
    keys: KEYS,
    catalog: CATALOG,
    connector: unused,
    starter: idleStarter,
    storage: archives(),
    ...notificationDeps(),
  };
  await housekeepingActivities(deps).recoverStalledWork({ asOf: START.getTime() + DAY_MS });
  expect(await counts()).toMatchObject({ requests });
  const [remaining] = await database.$client`SELECT min(created_at) AS oldest FROM lethe.idempotency_keys`;
  expect(remaining).toEqual({ oldest: new Date(START.getTime() + DAY_MS / 2) });
});
