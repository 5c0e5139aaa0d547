import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { notificationWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { ATTEMPTS_AFTER_MS, JITTER } from '../../../domain/notification.ts';
import { openMailer } from '../../../outbound/mailer.ts';
import { accept, user } from '../../support/ledger.ts';
import { runHousekeeping } from '../../support/world/operator.ts';
import { FROM, mailFolder } from '../../support/outbound.ts';
import { addUser } from '../../support/world/users.ts';
import { respondWith, type Receiver, startReceiver } from '../../support/servers/receiver.ts';
import { ended, eventually, nowOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { deliveriesOf, webhookAt } from '../../support/webhooks.ts';
import { startWorld, type World } from '../../support/world/world.ts';

const COLLEAGUE = 'canary-colleague@lethe.test';
const outbox = mailFolder();
let world: World;
let otherReceiver: Receiver;
beforeAll(async () => {
  const mailer = openMailer({ url: outbox.url, from: FROM });
  world = await startWorld(
    await timeSkipping(),
    { demo: { policy: { window: null } }, failing: {}, disabled: {} },
    { mailer },
  );
  otherReceiver = await startReceiver();
});
afterAll(async () => world.close());
beforeEach(() => void (otherReceiver.respond = respondWith(204)));

/** Waits until the channel's workflow ends: every notification is then delivered or abandoned. */
const deliveryEnd = (project: string, channel: string) =>
  world.env.client.workflow.getHandle(notificationWorkflowIdFor(project, channel)).result();

const historyOf = async (workflowId: string): Promise<string> =>
  historyToJSON(await world.env.client.workflow.getHandle(workflowId).fetchHistory());

test('delivers the changes of a deletion once each, signed and in order, and mails a colleague about its end', async () => {
  const receiver = await startReceiver();
  const { id: channel, secret } = await webhookAt(world, 'demo', `${receiver.url}/lethe`);
  await addUser(world.app, 'u-1');
  const requestId = await submit(world, 'demo', [user('u-1')], { notify: COLLEAGUE });
  expect(await ended(world, requestId)).toBe('completed');
  const statuses = ['received', 'resolving', 'grace', 'deleting', 'verifying', 'completed'];
  await eventually('every webhook is received', async () => receiver.received.length === statuses.length);
  const bodies = receiver.received.map(({ body, headers }) => new Webhook(secret).verify(body, headers));
  expect(bodies).toMatchObject(
    statuses.map((status) => ({
      type: `request.${status}`,
      data: { id: requestId, kind: 'deletion', status, project: 'demo' },
    })),
  );
  const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(statuses.length);
  await eventually('every delivery is recorded', async () =>
    (await deliveriesOf(world, channel, requestId)).every(({ outcome }) => outcome === 'delivered'),
  );
  expect((await deliveriesOf(world, channel, requestId)).map(({ id }) => id)).toEqual(ids);
  expect(otherReceiver.received).toEqual([]);

  await eventually('the mail is written', async () => outbox.mails().size === 1);
  const [[name, mail] = ['', '']] = outbox.mails();
  expect(mail).toContain(`To: ${COLLEAGUE}`);
  expect(mail).toContain('Subject: Lethe: deletion completed');
  expect(mail).toContain(requestId);
  expect(mail).not.toMatch(/u-1\b/);
  await eventually(
    'the mail is recorded',
    async () => (await deliveriesOf(world, 'mail', requestId))[0]?.outcome === 'delivered',
  );
  expect((await deliveriesOf(world, 'mail', requestId)).map(({ id }) => `${id}.eml`)).toEqual([name]);

  await deliveryEnd('demo', channel);
  await deliveryEnd('demo', 'mail');
  const histories = await Promise.all(
    [
      workflowIdFor(requestId),
      notificationWorkflowIdFor('demo', channel),
      notificationWorkflowIdFor('demo', 'mail'),
    ].map(historyOf),
  );
  for (const history of histories)
    for (const needle of encodingsOf([COLLEAGUE, secret, receiver.url, 'u-1'])) expect(history).not.toContain(needle);
  // The search finds a text that a history contains.
  expect(encodingsOf([requestId]).some((needle) => histories[0]?.includes(needle))).toBe(true);
  expect(await ledgerText()).not.toMatch(new RegExp(`${COLLEAGUE}|${secret.slice(6, 30)}`));
});

test('retries a failing webhook ten times on the published schedule, then abandons it and records that in the audit log', async () => {
  const receiver = await startReceiver();
  const attempts: number[] = [];
  receiver.respond = async (response) => {
    attempts.push(await world.env.currentTimeMs());
    respondWith(500)(response);
  };
  const { id: channel } = await webhookAt(world, 'failing', receiver.url);
  const requestId = await accept(world, [], { project: 'failing', receivedAt: await nowOf(world) });
  await world.orchestrator.startNotifications('failing', channel);
  await deliveryEnd('failing', channel);
  expect(attempts).toHaveLength(ATTEMPTS_AFTER_MS.length);
  const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
  for (const [index, waited] of waits.entries()) {
    const published = ATTEMPTS_AFTER_MS[index + 1] ?? 0;
    expect(waited).toBeGreaterThanOrEqual(published - 1_000);
    expect(waited).toBeLessThan(published * (1 + JITTER) + 60_000);
  }
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(await deliveriesOf(world, channel, requestId)).toMatchObject([
    { attempts: 10, outcome: 'given_up', lastCode: 'http_500' },
  ]);
  expect(await auditOf(requestId)).toContainEqual({
    action: 'webhook.given_up',
    detail: expect.objectContaining({ webhook: channel, code: 'http_500' }),
  });
});

test('waits as long as the receiver’s Retry-After asks, and then delivers', async () => {
  const receiver = await startReceiver();
  const attempts: number[] = [];
  receiver.respond = async (response) => {
    attempts.push(await world.env.currentTimeMs());
    respondWith(attempts.length === 1 ? 503 : 204, { 'retry-after': '7200' })(response);
  };
  const { id: channel } = await webhookAt(world, 'failing', receiver.url);
  const receivedAt = await nowOf(world);
  const requestId = await accept(world, [], { project: 'failing', receivedAt });
  await world.orchestrator.startNotifications('failing', channel);
  await deliveryEnd('failing', channel);
  expect(attempts).toHaveLength(2);
  expect((attempts[1] ?? 0) - (attempts[0] ?? 0)).toBeGreaterThanOrEqual(7_199_000);
  expect(await deliveriesOf(world, channel, requestId)).toMatchObject([
    { attempts: 2, outcome: 'delivered', lastCode: null },
  ]);
});

test('disables a webhook that answers 410 and abandons its deliveries, and continues with the others', async () => {
  const [removed, working] = [await startReceiver(), await startReceiver()];
  removed.respond = respondWith(410);
  const [disabled, other] = [
    await webhookAt(world, 'disabled', removed.url),
    await webhookAt(world, 'disabled', working.url),
  ];
  const receivedAt = await nowOf(world);
  const requests = [];
  for (let n = 0; n < 30; n++) requests.push(await accept(world, [], { project: 'disabled', receivedAt }));
  for (const { id } of [disabled, other]) await world.orchestrator.startNotifications('disabled', id);
  // One after the other, since two waiting clients would let the server skip time during a delivery.
  for (const { id } of [disabled, other]) await deliveryEnd('disabled', id);
  expect(working.received).toHaveLength(30);
  // Only those that were in flight when the first answer arrived.
  expect(removed.received.length).toBeLessThanOrEqual(10);
  const outcomes = await world.sql`
    SELECT DISTINCT channel, outcome, last_code FROM lethe.deliveries WHERE channel IN (${disabled.id}, ${other.id}) ORDER BY outcome`;
  expect([...outcomes]).toEqual([
    { channel: other.id, outcome: 'delivered', lastCode: null },
    { channel: disabled.id, outcome: 'given_up', lastCode: 'http_410' },
  ]);
  const before = removed.received.length;
  await accept(world, [], { project: 'disabled', receivedAt });
  await world.orchestrator.startNotifications('disabled', disabled.id);
  await deliveryEnd('disabled', disabled.id);
  expect(removed.received).toHaveLength(before);
  const audit = await world.sql`SELECT detail FROM lethe.audit_events WHERE action = 'webhook.disabled'`;
  expect([...audit]).toEqual([{ detail: expect.objectContaining({ webhook: disabled.id, deliveries: 30 }) }]);
});

test('starts a delivery from housekeeping when it has been due for a minute', async () => {
  const receiver = await startReceiver();
  const { id: channel } = await webhookAt(world, 'disabled', receiver.url);
  const requestId = await accept(world, [], { project: 'disabled', receivedAt: await nowOf(world) });
  await world.env.sleep('5 minutes');
  expect(receiver.received).toEqual([]);
  // No request is stalled: housekeeping finds stalled channels on their own.
  await world.sql`UPDATE lethe.requests SET attended_at = ${await nowOf(world)}`;
  expect(await runHousekeeping(world)).toBe(0);
  await eventually(
    'delivered',
    async () => (await deliveriesOf(world, channel, requestId))[0]?.outcome === 'delivered',
  );
  expect(receiver.received).toHaveLength(1);
});

test('does not mail a subject of the request, even if only the directory knows the address', async () => {
  const before = outbox.mails().size;
  await addUser(world.app, 'u-7', { email: 'canary-subject@example.test' });
  const requestId = await submit(world, 'demo', [user('u-7')], { notify: ' Canary-Subject@Example.test' });
  expect(await ended(world, requestId)).toBe('completed');
  expect(await deliveriesOf(world, 'mail', requestId)).toEqual([]);
  expect(outbox.mails().size).toBe(before);
  expect(await auditOf(requestId)).toContainEqual({
    action: 'mail.withheld',
    detail: { code: 'subject', deliveries: 0 },
  });
  expect(await ledgerText()).not.toMatch(/canary-subject/i);
});

const auditOf = async (requestId: string) => [
  ...(await world.sql`SELECT action, detail FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`),
];

/** The texts as such and in base64, for each of the three alignments in a payload. */
const encodingsOf = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => [
    text,
    ...[0, 1, 2]
      .map((lead) =>
        Buffer.from(' '.repeat(lead) + text)
          .toString('base64')
          .slice(4, -4),
      )
      .filter((encoded) => encoded.length > 6),
  ]);

/** Every row of the ledger, as text. */
async function ledgerText(): Promise<string> {
  const tables = await world.sql<
    { name: string }[]
  >`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'lethe'`;
  const dumps = tables.map(async ({ name }) => {
    const found = await world.sql<{ row: string }[]>`SELECT t::text AS row FROM ${world.sql(`lethe.${name}`)} t`;
    return found.map(({ row }) => row).join('\n');
  });
  return (await Promise.all(dumps)).join('\n');
}
