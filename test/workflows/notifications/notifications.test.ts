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
let other: Receiver;
beforeAll(async () => {
  const mailer = openMailer({ url: outbox.url, from: FROM });
  world = await startWorld(
    await timeSkipping(),
    { demo: { policy: { window: null } }, away: {}, silent: {} },
    { mailer },
  );
  other = await startReceiver();
});
afterAll(async () => world.close());
beforeEach(() => void (other.respond = respondWith(204)));

/** The end of whoever tells this channel: by then everything is told, or given up. */
const told = (project: string, channel: string) =>
  world.env.client.workflow.getHandle(notificationWorkflowIdFor(project, channel)).result();

const historyOf = async (workflowId: string): Promise<string> =>
  historyToJSON(await world.env.client.workflow.getHandle(workflowId).fetchHistory());

test('a deletion’s changes arrive in the order of happening, each signed and once, and a colleague is told of its end', async () => {
  const hook = await startReceiver();
  const { id: channel, secret } = await webhookAt(world, 'demo', `${hook.url}/lethe`);
  await addUser(world.app, 'u-1');
  const requestId = await submit(world, 'demo', [user('u-1')], { notify: COLLEAGUE });
  expect(await ended(world, requestId)).toBe('completed');
  const statuses = ['received', 'resolving', 'grace', 'deleting', 'verifying', 'completed'];
  await eventually('all is told', async () => hook.received.length === statuses.length);
  const bodies = hook.received.map(({ body, headers }) => new Webhook(secret).verify(body, headers));
  expect(bodies).toMatchObject(
    statuses.map((status) => ({
      type: `request.${status}`,
      data: { id: requestId, kind: 'deletion', status, project: 'demo' },
    })),
  );
  const ids = hook.received.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(statuses.length);
  await eventually('all is written', async () =>
    (await deliveriesOf(world, channel, requestId)).every(({ outcome }) => outcome === 'delivered'),
  );
  expect((await deliveriesOf(world, channel, requestId)).map(({ id }) => id)).toEqual(ids);
  expect(other.received).toEqual([]);

  await eventually('the mail lies there', async () => outbox.mails().size === 1);
  const [[name, mail] = ['', '']] = outbox.mails();
  expect(mail).toContain(`To: ${COLLEAGUE}`);
  expect(mail).toContain('Subject: Lethe: deletion completed');
  expect(mail).toContain(requestId);
  expect(mail).not.toMatch(/u-1\b/);
  await eventually(
    'the mail is written down',
    async () => (await deliveriesOf(world, 'mail', requestId))[0]?.outcome === 'delivered',
  );
  expect((await deliveriesOf(world, 'mail', requestId)).map(({ id }) => `${id}.eml`)).toEqual([name]);

  await told('demo', channel);
  await told('demo', 'mail');
  const histories = await Promise.all(
    [
      workflowIdFor(requestId),
      notificationWorkflowIdFor('demo', channel),
      notificationWorkflowIdFor('demo', 'mail'),
    ].map(historyOf),
  );
  for (const history of histories)
    for (const needle of needlesOf([COLLEAGUE, secret, hook.url, 'u-1'])) expect(history).not.toContain(needle);
  // What stands in one is found in it.
  expect(needlesOf([requestId]).some((needle) => histories[0]?.includes(needle))).toBe(true);
  expect(await rows()).not.toMatch(new RegExp(`${COLLEAGUE}|${secret.slice(6, 30)}`));
});

test('what fails is tried again as published, ten times, then given up and told in the audit log', async () => {
  const hook = await startReceiver();
  const attempts: number[] = [];
  hook.respond = async (response) => {
    attempts.push(await world.env.currentTimeMs());
    respondWith(500)(response);
  };
  const { id: channel } = await webhookAt(world, 'away', hook.url);
  const requestId = await accept(world, [], { project: 'away', receivedAt: await nowOf(world) });
  await world.orchestrator.startNotifications('away', channel);
  await told('away', channel);
  expect(attempts).toHaveLength(ATTEMPTS_AFTER_MS.length);
  const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
  for (const [index, waited] of waits.entries()) {
    const published = ATTEMPTS_AFTER_MS[index + 1] ?? 0;
    expect(waited).toBeGreaterThanOrEqual(published - 1_000);
    expect(waited).toBeLessThan(published * (1 + JITTER) + 60_000);
  }
  expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(await deliveriesOf(world, channel, requestId)).toMatchObject([
    { attempts: 10, outcome: 'given_up', lastCode: 'http_500' },
  ]);
  expect(await trailOf(requestId)).toContainEqual({
    action: 'webhook.given_up',
    detail: expect.objectContaining({ webhook: channel, code: 'http_500' }),
  });
});

test('a receiver that asks for time gets it; one that comes back is told what happened meanwhile', async () => {
  const hook = await startReceiver();
  const attempts: number[] = [];
  hook.respond = async (response) => {
    attempts.push(await world.env.currentTimeMs());
    respondWith(attempts.length === 1 ? 503 : 204, { 'retry-after': '7200' })(response);
  };
  const { id: channel } = await webhookAt(world, 'away', hook.url);
  const receivedAt = await nowOf(world);
  const requestId = await accept(world, [], { project: 'away', receivedAt });
  await world.orchestrator.startNotifications('away', channel);
  await told('away', channel);
  expect(attempts).toHaveLength(2);
  expect((attempts[1] ?? 0) - (attempts[0] ?? 0)).toBeGreaterThanOrEqual(7_199_000);
  expect(await deliveriesOf(world, channel, requestId)).toMatchObject([
    { attempts: 2, outcome: 'delivered', lastCode: null },
  ]);
});

test('one that is gone is asked no more: what it was still to be told is given up, and others are told on', async () => {
  const [gone, here] = [await startReceiver(), await startReceiver()];
  gone.respond = respondWith(410);
  const [hook, beside] = [await webhookAt(world, 'silent', gone.url), await webhookAt(world, 'silent', here.url)];
  const receivedAt = await nowOf(world);
  const requests = [];
  for (let n = 0; n < 30; n++) requests.push(await accept(world, [], { project: 'silent', receivedAt }));
  for (const { id } of [hook, beside]) await world.orchestrator.startNotifications('silent', id);
  // One after the other: two that wait at once would let time be skipped while somebody is at work.
  for (const { id } of [hook, beside]) await told('silent', id);
  expect(here.received).toHaveLength(30);
  // Those that were under way at once when the first of them was answered.
  expect(gone.received.length).toBeLessThanOrEqual(10);
  const outcomes = await world.sql`
    SELECT DISTINCT channel, outcome, last_code FROM lethe.deliveries WHERE channel IN (${hook.id}, ${beside.id}) ORDER BY outcome`;
  expect([...outcomes]).toEqual([
    { channel: beside.id, outcome: 'delivered', lastCode: null },
    { channel: hook.id, outcome: 'given_up', lastCode: 'http_410' },
  ]);
  const before = gone.received.length;
  await accept(world, [], { project: 'silent', receivedAt });
  await world.orchestrator.startNotifications('silent', hook.id);
  await told('silent', hook.id);
  expect(gone.received).toHaveLength(before);
  const disabled = await world.sql`SELECT detail FROM lethe.audit_events WHERE action = 'webhook.disabled'`;
  expect([...disabled]).toEqual([{ detail: expect.objectContaining({ webhook: hook.id, deliveries: 30 }) }]);
});

test('what nobody was told of is found by housekeeping, once it has been due for a minute', async () => {
  const hook = await startReceiver();
  const { id: channel } = await webhookAt(world, 'silent', hook.url);
  const requestId = await accept(world, [], { project: 'silent', receivedAt: await nowOf(world) });
  await world.env.sleep('5 minutes');
  expect(hook.received).toEqual([]);
  // Of requests there is none to be looked after: who is told is found by itself.
  await world.sql`UPDATE lethe.requests SET attended_at = ${await nowOf(world)}`;
  expect(await runHousekeeping(world)).toBe(0);
  await eventually('found', async () => (await deliveriesOf(world, channel, requestId))[0]?.outcome === 'delivered');
  expect(hook.received).toHaveLength(1);
});

test('nobody whom a request concerns is mailed, also where only the directory knows that it is their address', async () => {
  const before = outbox.mails().size;
  await addUser(world.app, 'u-7', { email: 'canary-subject@example.test' });
  const requestId = await submit(world, 'demo', [user('u-7')], { notify: ' Canary-Subject@Example.test' });
  expect(await ended(world, requestId)).toBe('completed');
  expect(await deliveriesOf(world, 'mail', requestId)).toEqual([]);
  expect(outbox.mails().size).toBe(before);
  expect(await trailOf(requestId)).toContainEqual({
    action: 'mail.withheld',
    detail: { code: 'subject', deliveries: 0 },
  });
  expect(await rows()).not.toMatch(/canary-subject/i);
});

const trailOf = async (requestId: string) => [
  ...(await world.sql`SELECT action, detail FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`),
];

/** As text and in base64, at each of the three places where a payload may begin. */
const needlesOf = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => [
    text,
    ...[0, 1, 2]
      .map((lead) =>
        Buffer.from(' '.repeat(lead) + text)
          .toString('base64')
          .slice(4, -4),
      )
      .filter((one) => one.length > 6),
  ]);

/** Everything that the ledger holds. */
async function rows(): Promise<string> {
  const tables = await world.sql<
    { name: string }[]
  >`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'lethe'`;
  const dumps = tables.map(async ({ name }) => {
    const found = await world.sql<{ row: string }[]>`SELECT t::text AS row FROM ${world.sql(`lethe.${name}`)} t`;
    return found.map(({ row }) => row).join('\n');
  });
  return (await Promise.all(dumps)).join('\n');
}
