import { createHash } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createNotificationActivities } from '../../activities/index.ts';
import { withNotificationDispatch } from '../../activities/notifications.ts';
import { enqueueNotifications } from '../../db/notifications/enqueue.ts';
import { destroyArchive } from '../../db/exports/archive.ts';
import { transaction } from '../../db/transaction.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { ATTEMPTS_AFTER_MS, nextAttemptAt } from '../../domain/notification.ts';
import { openMailer } from '../../outbound/mailer.ts';
import { webhookSender } from '../../outbound/webhook.ts';
import { archives } from '../support/archives.ts';
import { accept, days, email, KEYS, type Ledger, ledger, START, user } from '../support/ledger.ts';
import { mailServer } from '../support/servers/mail-server.ts';
import { FROM, loopback, mailFolder, notificationDeps } from '../support/outbound.ts';
import { respondWith, startReceiver } from '../support/servers/receiver.ts';
import { deliveriesOf, webhookAt } from '../support/webhooks.ts';
import { idleStarter } from './environment.ts';

let world: Ledger;
let deps: ActivityDeps;
const outbox = mailFolder();
/** One project per test, since a project has one mail channel. */
const PROJECTS = ['schedule', 'crash', 'parallel', 'order', 'stop', 'mail-ready', 'fails', 'gone', 'subject', 'many'];
beforeAll(async () => {
  world = await ledger(PROJECTS);
  deps = {
    database: world.database,
    reading: world.reading,
    keys: KEYS,
    catalog: new Map(),
    connector: () => {
      throw new Error('no connector is used');
    },
    starter: idleStarter,
    storage: archives(),
    ...notificationDeps(),
    mailer: openMailer({ url: outbox.url, from: FROM }),
  };
});
afterAll(() => world.closeLedger());
// Hides the warnings about failures that the tests cause.
const environment = () => new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });

type DeliverDue = ReturnType<typeof createNotificationActivities>['deliverDueNotifications'];
type Input = Parameters<DeliverDue>[0];
const deliverDue = (
  channel: Omit<Input, 'asOf'>,
  at = START,
  changes: Partial<ActivityDeps> = {},
  env = environment(),
) =>
  env.run<[Input], { nextAt: number | null }, DeliverDue>(
    createNotificationActivities({ ...deps, ...changes }).deliverDueNotifications,
    { ...channel, asOf: at.getTime() },
  );

/** The fields of a webhook's body that these tests compare. */
const dataOf = (body: string) => (JSON.parse(body) as { data: { id: string; status: string } }).data;

/** Changes the status and queues its notifications, as the ledger does. */
const changeStatus = (requestId: string, status: string, at = START) =>
  transaction(world.database, async (tx) => {
    await tx.$client`UPDATE lethe.requests SET status = ${status} WHERE id = ${requestId}`;
    await enqueueNotifications(tx, requestId, at);
  });

async function readyExport(project: string, notify: string): Promise<string> {
  const more = { kind: 'export', format: 'ndjson', hardDeleteAt: null, notify } as const;
  const requestId = await accept(world, [user('u-1')], { project, ...more });
  await world.sql`INSERT INTO lethe.archives (request_id, epoch, subjects, rows, bytes, sha256, ready_at, expires_at)
    VALUES (${requestId}, 1, 1, 1, 1, '', ${START}, ${days(7)})`;
  await changeStatus(requestId, 'ready');
  return requestId;
}

const linksOf = (requestId: string) => world.sql<{ revokedAt: Date | null; createdBy: string; sha256: Buffer }[]>`
  SELECT revoked_at, created_by, sha256 FROM lethe.links WHERE request_id = ${requestId} ORDER BY id`;

test('delays each attempt by the published schedule plus up to a tenth that depends only on the id', () => {
  const ids = Array.from({ length: 200 }, () => `evt_${crypto.randomUUID().replaceAll('-', '')}`);
  for (let attempts = 1; attempts < 10; attempts++) {
    const published = ATTEMPTS_AFTER_MS[attempts] ?? 0;
    const waits = ids.map((id) => (nextAttemptAt(id, attempts, START)?.getTime() ?? 0) - START.getTime());
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(published);
    expect(Math.max(...waits)).toBeLessThanOrEqual(published * 1.1);
    expect(new Set(waits).size).toBeGreaterThan(100);
    expect(ids.map((id) => nextAttemptAt(id, attempts, START)?.getTime())).toEqual(
      waits.map((ms) => START.getTime() + ms),
    );
  }
  expect(ids.map((id) => nextAttemptAt(id, 10, START))).toEqual(ids.map(() => null));
  expect(ATTEMPTS_AFTER_MS.map((ms) => ms / 1_000)).toEqual([0, 2, 30, 300, 1800, 7200, 28800, 57600, 86400, 86400]);
});

test('waits as long as the receiver asks, at least the published delay and at most a day', () => {
  const id = `evt_${'0'.repeat(32)}`;
  const after = (attempts: number, askedMs: number) =>
    (nextAttemptAt(id, attempts, START, askedMs)?.getTime() ?? 0) - START.getTime();
  expect(after(1, 60_000)).toBe(60_000);
  expect(after(3, 60_000)).toBe(300_000);
  expect(after(1, 365 * DAY_MS)).toBe(DAY_MS);
});

test('sends again with the same id and records one attempt when the worker is killed after sending', async () => {
  const receiver = await startReceiver();
  const { id: channel, secret } = await webhookAt(world, 'crash', receiver.url);
  const requestId = await accept(world, [], { project: 'crash' });
  const sender = webhookSender({ networks: loopback() });
  const killedSender: typeof sender = {
    async send(message) {
      await sender.send(message);
      throw new Error('killed');
    },
  };
  await expect(deliverDue({ project: 'crash', channel }, START, { webhooks: killedSender })).rejects.toThrow(
    'a database operation failed',
  );
  expect(await deliveriesOf(world, channel, requestId)).toMatchObject([{ attempts: 0, outcome: null }]);
  expect(await deliverDue({ project: 'crash', channel })).toEqual({ nextAt: null });
  expect(await deliverDue({ project: 'crash', channel })).toEqual({ nextAt: null });
  const [delivery] = await deliveriesOf(world, channel, requestId);
  expect(delivery).toMatchObject({ attempts: 1, outcome: 'delivered' });
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([delivery?.id, delivery?.id]);
  for (const { body, headers } of receiver.received)
    expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
});

test('waits for running deliveries before the activity fails', async () => {
  const { id: channel } = await webhookAt(world, 'parallel', 'https://hooks.test/');
  const first = await accept(world, [], { project: 'parallel' });
  const second = await accept(world, [], { project: 'parallel' });
  const webhooks: ActivityDeps['webhooks'] = {
    async send({ body }) {
      if (dataOf(body).id === first) throw new Error('the ledger is unavailable');
      await new Promise((done) => setTimeout(done, 100));
      return { delivered: true };
    },
  };
  await expect(deliverDue({ project: 'parallel', channel }, START, { webhooks })).rejects.toThrow(
    'a database operation failed',
  );
  expect(await deliveriesOf(world, channel, first)).toMatchObject([{ attempts: 0, outcome: null }]);
  expect(await deliveriesOf(world, channel, second)).toMatchObject([{ outcome: 'delivered' }]);
});

test('delivers one notification of a request at a time and at most five requests at once', async () => {
  const receiver = await startReceiver();
  const { id: channel } = await webhookAt(world, 'order', receiver.url);
  const requests = await Promise.all([1, 2, 3, 4, 5, 6].map(() => accept(world, [], { project: 'order' })));
  for (const status of ['resolving', 'grace', 'deleting'])
    for (const requestId of requests) await changeStatus(requestId, status);
  const open = new Set<string>();
  const counts: number[] = [];
  const delivered = new Map<string, string[]>();
  const { promise: five, resolve: fiveAreOpen } = Promise.withResolvers<void>();
  receiver.respond = async (response, { body }) => {
    const { id, status } = dataOf(body);
    counts.push(open.has(id) ? Number.POSITIVE_INFINITY : open.add(id).size);
    delivered.set(id, [...(delivered.get(id) ?? []), status]);
    if (open.size === 5) fiveAreOpen();
    await five;
    open.delete(id);
    respondWith(204)(response);
  };
  // A page has twenty deliveries.
  expect((await deliverDue({ project: 'order', channel })).nextAt).toBe(START.getTime());
  expect((await deliverDue({ project: 'order', channel })).nextAt).toBeNull();
  expect(Math.max(...counts)).toBe(5);
  expect([...delivered.keys()].toSorted()).toEqual(requests.toSorted());
  for (const statuses of delivered.values()) expect(statuses).toEqual(['received', 'resolving', 'grace', 'deleting']);
});

test('stops between two deliveries when the worker shuts down, and delivers the others in the next attempt', async () => {
  const receiver = await startReceiver();
  const { id: channel } = await webhookAt(world, 'stop', receiver.url);
  const requestId = await accept(world, [], { project: 'stop' });
  for (const status of ['resolving', 'grace']) await changeStatus(requestId, status);
  const env = environment();
  receiver.respond = (response) => {
    env.cancel('WORKER_SHUTDOWN');
    respondWith(204)(response);
  };
  await expect(deliverDue({ project: 'stop', channel }, START, {}, env)).rejects.toThrow('WORKER_SHUTDOWN');
  const outcomes = (await deliveriesOf(world, channel, requestId)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['delivered', null, null]);
  receiver.respond = respondWith(204);
  await deliverDue({ project: 'stop', channel });
  expect(receiver.received.map(({ body }) => dataOf(body).status)).toEqual(['received', 'resolving', 'grace']);
});

describe('The mail of a ready export', () => {
  test('contains a link for one download, of which the ledger stores only the digest', async () => {
    const requestId = await readyExport('mail-ready', 'ann@lethe.test');
    expect(await deliverDue({ project: 'mail-ready', channel: 'mail' })).toEqual({ nextAt: null });
    const [delivery] = await deliveriesOf(world, 'mail', requestId);
    expect(delivery).toMatchObject({ status: 'ready', outcome: 'delivered', recipient: null });
    const mail = outbox.mails().get(`${delivery?.id}.eml`) ?? '';
    const [, token = ''] = /^https:\/\/lethe\.test\/download\/([A-Za-z0-9_-]{43})\r?$/m.exec(mail) ?? [];
    const links = await linksOf(requestId);
    expect(links).toMatchObject([{ revokedAt: null, createdBy: 'lethe' }]);
    const sha256 = createHash('sha256').update(token).digest('hex');
    expect(links[0]?.sha256.toString('hex')).toBe(sha256);
    expect(mail).toContain('2026-01-12 10:00 UTC');
    expect(mail).not.toContain('u-1');
  });

  test('is retried with a new link after a failure, and the earlier link is revoked at once', async () => {
    const refusing = await mailServer({
      disabledCommands: ['STARTTLS', 'AUTH'],
      onRcptTo: ({ address }, _session, done) => done(new Error(`no ${address}`)),
    });
    const requestId = await readyExport('fails', 'canary-recipient@lethe.test');
    const mailer = openMailer({ url: refusing.url(), from: FROM });
    const { nextAt } = await deliverDue({ project: 'fails', channel: 'mail' }, START, { mailer });
    const [delivery] = await deliveriesOf(world, 'mail', requestId);
    expect(nextAt).toBe(nextAttemptAt(delivery?.id ?? '', 1, START)?.getTime());
    expect(delivery).toMatchObject({ attempts: 1, lastCode: 'smtp_550', recipient: 'canary-recipient@lethe.test' });
    expect(await linksOf(requestId)).toMatchObject([{ revokedAt: START }]);
    await deliverDue({ project: 'fails', channel: 'mail' }, new Date(nextAt ?? 0));
    expect(await linksOf(requestId)).toMatchObject([{ revokedAt: START }, { revokedAt: null }]);
    expect(await deliveriesOf(world, 'mail', requestId)).toMatchObject([{ outcome: 'delivered', recipient: null }]);
  });

  test('is withheld when the archive is destroyed, and its recipient is purged after the last attempt', async () => {
    const requestId = await readyExport('gone', 'ann@lethe.test');
    await destroyArchive(world.database, { requestId, actor: 'test', at: START });
    const before = outbox.mails().size;
    expect(await deliverDue({ project: 'gone', channel: 'mail' })).toEqual({ nextAt: null });
    expect(await deliveriesOf(world, 'mail', requestId)).toMatchObject([
      { status: 'ready', outcome: 'withheld', lastCode: 'archive_gone', recipient: null },
    ]);
    expect(outbox.mails().size).toBe(before);
    expect(await linksOf(requestId)).toEqual([]);
    const another = await readyExport('gone', 'ann@lethe.test');
    const failingMailer = { send: async () => ({ delivered: false, code: 'connection' }) as const };
    for (let at: number | null = START.getTime(), n = 0; at !== null && n < 11; n++)
      at = (await deliverDue({ project: 'gone', channel: 'mail' }, new Date(at), { mailer: failingMailer })).nextAt;
    const abandoned = { attempts: 10, outcome: 'given_up', recipient: null };
    expect(await deliveriesOf(world, 'mail', another)).toMatchObject([abandoned]);
    expect((await linksOf(another)).every(({ revokedAt }) => revokedAt !== null)).toBe(true);
  });

  test('is withheld and its recipient purged when the recipient is a subject of the request', async () => {
    const submitted = await accept(world, [email('canary-ann@lethe.test')], {
      project: 'subject',
      notify: 'Canary-Ann@LETHE.test',
    });
    const colleague = await accept(world, [email('bob@lethe.test')], { project: 'subject', notify: 'ann@lethe.test' });
    await world.sql`INSERT INTO lethe.deliveries (id, project, channel, recipient, request_id, kind, status, at, next_at)
      VALUES ('evt_1', 'subject', 'mail', 'Canary-Ann@LETHE.test', ${submitted}, 'deletion', 'awaiting_confirmation', ${START}, ${START})`;
    await world.sql`UPDATE lethe.requests SET confirm = true, confirm_by = ${days(3)} WHERE project = 'subject'`;
    for (const requestId of [submitted, colleague]) await changeStatus(requestId, 'awaiting_confirmation');
    expect(await deliveriesOf(world, 'mail', submitted)).toMatchObject([
      { outcome: 'withheld', lastCode: 'subject', recipient: null },
    ]);
    const rows = await world.sql`SELECT id, notify FROM lethe.requests WHERE project = 'subject' ORDER BY id`;
    expect(new Map(rows.map(({ id, notify }) => [id, notify]))).toEqual(
      new Map([
        [submitted, null],
        [colleague, 'ann@lethe.test'],
      ]),
    );
    await deliverDue({ project: 'subject', channel: 'mail' });
    expect(await deliveriesOf(world, 'mail', colleague)).toMatchObject([{ outcome: 'delivered' }]);
    expect([...outbox.mails().values()].join('')).not.toMatch(/canary-ann/i);
  });
});

test('coalesces the starts for a thousand changes, starts after the last one, and ignores failed starts', async () => {
  const { id: channel } = await webhookAt(world, 'many', 'https://hooks.test/');
  const requestId = await accept(world, [], { project: 'many', notify: 'ann@lethe.test' });
  const started: string[] = [];
  const startNotifications = async (project: string, of: string) => {
    await new Promise((done) => setTimeout(done, 20));
    started.push(`${project}/${of}`);
    if (started.length > 1) throw new Error('Temporal is unavailable');
  };
  const { change } = withNotificationDispatch(
    { ...deps, starter: { ...deps.starter, startNotifications } },
    { change: async (_input: { requestId: string }) => 'done' },
  );
  const results = await Promise.all(Array.from({ length: 1_000 }, () => change({ requestId })));
  expect(new Set(results)).toEqual(new Set(['done']));
  // The last start began after the last change.
  expect(started.length).toBeGreaterThanOrEqual(2);
  expect(started.length).toBeLessThan(100);
  expect(new Set(started)).toEqual(new Set([`many/${channel}`]));
  const before = started.length;
  await deliverDue({ project: 'many', channel }, START, { webhooks: { send: async () => ({ delivered: true }) } });
  await change({ requestId });
  expect(started).toHaveLength(before);
});
