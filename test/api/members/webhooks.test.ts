import { BlockList } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { dueDeliveries, stalledChannels } from '../../../db/notifications/due.ts';
import { receiverOf } from '../../../db/notifications/recipients.ts';
import { recordDelivered, recordFailed } from '../../../db/notifications/results.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { submitDeletion, bearerOf, KEYS, START, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();
const URL = 'https://hooks.test/lethe';
const NO_ID = '0000000000007000800000000000abcd';

const add = async (url = URL) => {
  const answer = await api.call('POST', '/v1/webhooks', { url });
  return { answer, id: textOf(answer, 'id'), secret: textOf(answer, 'secret') };
};
const remove = (id: string) => api.call('DELETE', `/v1/webhooks/${id}`);
const itemsOf = async (path: string, headers?: Record<string, string>) =>
  ((await api.call('GET', path, undefined, headers)).json as { items: Record<string, unknown>[] }).items;
const deliveriesOf = (id: string, headers?: Record<string, string>) =>
  itemsOf(`/v1/webhooks/${id}/deliveries`, headers);

/** The secrets that sign at a timestamp, as a worker reads them. */
async function signing(webhook: string, at: Date): Promise<readonly string[]> {
  const [delivery] = await dueDeliveries(api.database, { project: 'demo', channel: webhook, asOf: at, limit: 1 });
  if (delivery === undefined) throw new Error('nothing is due');
  return (await receiverOf(api.database, KEYS, delivery, at))?.secrets ?? [];
}
const afterStart = (ms: number): Date => new Date(START.getTime() + ms);

describe('a webhook', () => {
  test('returns its secret once and does not list, log or store it in clear text', async () => {
    const { answer, id, secret } = await add();
    expect(answer.status).toBe(201);
    expect(answer.headers.get('Location')).toBe(`/v1/webhooks/${id}`);
    expect(Buffer.from(secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect(() => new Webhook(secret)).not.toThrow();
    const listed = await itemsOf('/v1/webhooks');
    expect(listed).toEqual([
      { id, url: URL, createdAt: START.toISOString(), createdBy: api.owner.memberId, disabledAt: null },
    ]);
    const auditLog = await itemsOf('/v1/activity?action=webhook.*');
    expect(auditLog).toMatchObject([{ action: 'webhook.added', detail: { webhook: id }, actor: api.owner.memberId }]);
    const rows = await api.sql<
      { row: string }[]
    >`SELECT s::text || encode(encrypted, 'escape') AS row FROM lethe.webhook_secrets s`;
    expect(rows).toHaveLength(1);
    for (const text of [JSON.stringify([listed, auditLog]), rows[0]?.row ?? '', api.log.join('\n')])
      expect(text).not.toContain(secret.slice(6));
    await remove(id);
  });

  test.each([
    ['http://hooks.test/', 'not_https'],
    ['ftp://hooks.test/', 'not_https'],
    ['file:///etc/passwd', 'not_https'],
    ['hooks.test', 'invalid_url'],
    ['https://', 'invalid_url'],
    ['https://ann:secret@hooks.test/', 'credentials'],
    ['https://127.0.0.1/', 'private_address'],
    ['https://2130706433/', 'private_address'],
    ['https://0x7f.1/', 'private_address'],
    ['https://[::1]/', 'private_address'],
    ['https://[::ffff:10.0.0.1]/', 'private_address'],
    ['https://[fd00:ec2::254]/', 'private_address'],
    ['https://169.254.169.254/latest', 'private_address'],
    ['https://100.64.0.1/', 'private_address'],
    [`https://hooks.test/${'a'.repeat(2_000)}`, 'too_big'],
    ['', 'too_small'],
  ])('rejects the URL %s with %s', async (url, code) => {
    const answer = await api.call('POST', '/v1/webhooks', { url });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({
      errors: expect.arrayContaining([expect.objectContaining({ pointer: '/url', code })]),
    });
    expect(answer.text).not.toContain('secret');
    expect(await itemsOf('/v1/webhooks')).toEqual([]);
  });

  test('allows private addresses only in the configured networks', async () => {
    const networks = new BlockList();
    networks.addSubnet('10.1.0.0', 16);
    const inside = await testApi({ webhookNetworks: networks });
    const status = async (url: string) => (await inside.call('POST', '/v1/webhooks', { url })).status;
    expect(await status('http://10.1.2.3:8080/lethe')).toBe(201);
    expect(await status('https://10.1.2.3/lethe')).toBe(201);
    // A host name is checked when it is resolved, at each connection.
    expect(await status('http://hooks.internal/lethe')).toBe(201);
    expect(await status('https://10.2.0.1/lethe')).toBe(422);
    expect(await status('http://8.8.8.8/lethe')).toBe(422);
  });

  test('allows ten webhooks per project', async () => {
    const ids = [];
    for (let n = 0; n < 10; n++) ids.push((await add()).id);
    const eleventh = await api.call('POST', '/v1/webhooks', { url: URL });
    expect(eleventh.json).toMatchObject({ status: 409, code: 'too_many_webhooks' });
    expect((await remove(ids.pop() ?? '')).status).toBe(204);
    ids.push((await add()).id);
    for (const id of ids) await remove(id);
    expect(await itemsOf('/v1/webhooks')).toEqual([]);
  });

  test('returns the same 404 for webhooks that are unknown, removed or of another project', async () => {
    const { id } = await add();
    await remove(id);
    const other = bearerOf(api.otherOwner);
    const active = await add();
    for (const [path, headers] of [
      [id, {}],
      [`wh_${NO_ID}`, {}],
      ['nonsense', {}],
      [active.id, other],
    ] as const)
      for (const [method, below, body] of [
        ['DELETE', '', undefined],
        ['POST', '/rotate', {}],
        ['POST', '/enable', undefined],
        ['GET', '/deliveries', undefined],
        ['POST', `/deliveries/evt_${NO_ID}/retry`, undefined],
      ] as const) {
        const answer = await api.call(method, `/v1/webhooks/${path}${below}`, body, headers);
        expect(answer.json).toMatchObject({
          code: 'webhook_not_found',
          detail: 'The project has no webhook with this id. Nothing was changed; check the id.',
        });
      }
    await remove(active.id);
  });
});

describe('secrets', () => {
  test('uses the old and the new secret during the overlap, one day by default', async () => {
    const { id, secret } = await add();
    await submitDeletion(api, [user('u-1')]);
    expect(await signing(id, START)).toEqual([secret]);
    const rotated = await api.call('POST', `/v1/webhooks/${id}/rotate`, {});
    const fresh = textOf(rotated, 'secret');
    expect(rotated.json).toEqual({ secret: fresh, previousUntil: afterStart(DAY_MS).toISOString() });
    expect(await signing(id, START)).toEqual([fresh, secret]);
    expect(await signing(id, afterStart(DAY_MS - 1))).toEqual([fresh, secret]);
    expect(await signing(id, afterStart(DAY_MS))).toEqual([fresh]);
    await remove(id);
  });

  test('limits signing to three secrets and does not extend a secret by a rotation', async () => {
    const { id } = await add();
    await submitDeletion(api, [user('u-1')]);
    const rotate = async (overlap: number) =>
      textOf(await api.call('POST', `/v1/webhooks/${id}/rotate`, { overlap }), 'secret');
    const second = await rotate(7 * 86_400);
    const third = await rotate(60);
    const fourth = await rotate(7 * 86_400);
    expect(await signing(id, START)).toEqual([fourth, third, second]);
    expect(await signing(id, afterStart(60_000))).toEqual([fourth, third]);
    const fifth = await rotate(0);
    expect(await signing(id, START)).toEqual([fifth]);
    for (const overlap of [-1, 7 * 86_400 + 1, 0.5, '60'])
      expect((await api.call('POST', `/v1/webhooks/${id}/rotate`, { overlap })).status).toBe(422);
    expect(await signing(id, START)).toEqual([fifth]);
    await remove(id);
  });

  test('does not decrypt a secret in the row of another webhook', async () => {
    const [one, another] = [await add(), await add()];
    await submitDeletion(api, [user('u-1')]);
    await api.sql`UPDATE lethe.webhook_secrets SET encrypted =
      (SELECT encrypted FROM lethe.webhook_secrets WHERE webhook_id = ${one.id}) WHERE webhook_id = ${another.id}`;
    expect(await signing(one.id, START)).toEqual([one.secret]);
    await expect(signing(another.id, START)).rejects.toThrow('authenticate');
    for (const { id } of [one, another]) await remove(id);
  });
});

describe('deliveries', () => {
  test('lists each delivery once across pages and only for kinds that the token may read', async () => {
    const { id } = await add();
    const requests = [];
    for (let n = 0; n < 5; n++) requests.push(await submitDeletion(api, [user(`u-${n}`)]));
    const seen: string[] = [];
    for (let path: string | null = `/v1/webhooks/${id}/deliveries?limit=2`; path !== null;) {
      const { json } = await api.call('GET', path);
      const page = json as { items: { requestId: string; type: string }[]; nextCursor: string | null };
      seen.push(...page.items.map(({ requestId }) => requestId));
      path = page.nextCursor === null ? null : `/v1/webhooks/${id}/deliveries?limit=2&cursor=${page.nextCursor}`;
    }
    expect(seen.toSorted()).toEqual(requests.toSorted());
    expect((await deliveriesOf(id))[0]).toMatchObject({
      type: 'request.received',
      attempts: 0,
      nextAt: START.toISOString(),
    });
    const limited = await api.call('POST', '/v1/tokens', { name: 'exports', kinds: ['export'] });
    expect(await deliveriesOf(id, bearerOf(textOf(limited, 'token')))).toEqual([]);
    expect((await api.call('GET', `/v1/webhooks/${id}/deliveries?cursor=nonsense`)).status).toBe(422);
    await remove(id);
  });

  test('retries an abandoned or completed delivery from its first attempt with the same id', async () => {
    const { id } = await add();
    await submitDeletion(api, [user('u-1')]);
    const query = { project: 'demo', channel: id, asOf: START, limit: 10 };
    const attempt = async (end: 'delivered' | 'failed') => {
      const [delivery] = await dueDeliveries(api.database, { ...query, asOf: afterStart(30 * DAY_MS) });
      if (delivery === undefined) throw new Error('nothing is due');
      if (end === 'delivered') await recordDelivered(api.database, delivery, START);
      else await recordFailed(api.database, delivery, { code: 'timeout' }, START);
      return delivery;
    };
    for (const end of ['delivered', 'given_up']) {
      if (end === 'given_up') for (let n = 0; n < 9; n++) await attempt('failed');
      const delivery = await attempt(end === 'delivered' ? 'delivered' : 'failed');
      expect(await deliveriesOf(id)).toMatchObject([{ id: delivery.id, outcome: end, nextAt: null }]);
      api.orchestrator.notified.splice(0);
      const retried = await api.call('POST', `/v1/webhooks/${id}/deliveries/${delivery.id}/retry`);
      expect(retried.status).toBe(204);
      expect(api.orchestrator.notified).toEqual([`demo/${id}`]);
      expect(await dueDeliveries(api.database, query)).toMatchObject([{ id: delivery.id, attempts: 0 }]);
    }
    expect(await itemsOf('/v1/activity?action=delivery.retried')).toHaveLength(2);
    const other = await add();
    const [{ id: own } = {}] = await deliveriesOf(id);
    for (const path of [`${id}/deliveries/evt_${NO_ID}`, `${other.id}/deliveries/${String(own)}`]) {
      const unknown = await api.call('POST', `/v1/webhooks/${path}/retry`);
      expect(unknown.json).toMatchObject({ code: 'delivery_not_found' });
    }
    await remove(other.id);
    await remove(id);
  });

  test('abandons the deliveries of a removed webhook and ignores later results', async () => {
    const { id } = await add();
    await submitDeletion(api, [user('u-1')]);
    const [delivery] = await dueDeliveries(api.database, { project: 'demo', channel: id, asOf: START, limit: 1 });
    if (delivery === undefined) throw new Error('nothing is due');
    await remove(id);
    await recordDelivered(api.database, delivery, afterStart(1_000));
    await recordFailed(api.database, delivery, { code: 'http_410' }, afterStart(1_000));
    const rows =
      await api.sql`SELECT outcome, last_code, ended_at, attempts FROM lethe.deliveries WHERE channel = ${id}`;
    expect([...rows]).toEqual([{ outcome: 'given_up', lastCode: 'removed', endedAt: START, attempts: 0 }]);
    expect(await receiverOf(api.database, KEYS, delivery, START)).toBeNull();
    expect(await itemsOf('/v1/activity?action=webhook.disabled')).toEqual([]);
  });

  test('disables a webhook that returns 410 and delivers again once it is enabled', async () => {
    const { id } = await add();
    for (const name of ['u-1', 'u-2']) await submitDeletion(api, [user(name)]);
    const query = { project: 'demo', channel: id, asOf: START, limit: 10 };
    const [first] = await dueDeliveries(api.database, query);
    if (first === undefined) throw new Error('nothing is due');
    await recordFailed(api.database, first, { code: 'http_410' }, START);
    expect(await deliveriesOf(id)).toMatchObject([{ outcome: 'given_up' }, { outcome: 'given_up' }]);
    const listed = await itemsOf('/v1/webhooks');
    expect(listed.find((one) => one['id'] === id)).toMatchObject({ disabledAt: START.toISOString() });
    await submitDeletion(api, [user('u-3')]);
    expect(await deliveriesOf(id)).toHaveLength(2);
    expect((await api.call('POST', `/v1/webhooks/${id}/deliveries/${first.id}/retry`)).status).toBe(204);
    expect(await dueDeliveries(api.database, query)).toEqual([]);
    expect(await stalledChannels(api.database, { dueBefore: afterStart(DAY_MS), limit: 100 })).not.toContainEqual({
      project: 'demo',
      channel: id,
    });
    api.orchestrator.notified.splice(0);
    for (let n = 0; n < 2; n++) expect((await api.call('POST', `/v1/webhooks/${id}/enable`)).status).toBe(204);
    expect(api.orchestrator.notified).toContain(`demo/${id}`);
    expect(await dueDeliveries(api.database, query)).toMatchObject([{ id: first.id }]);
    expect(await itemsOf('/v1/activity?action=webhook.enabled')).toHaveLength(1);
    await submitDeletion(api, [user('u-4')]);
    expect(await dueDeliveries(api.database, query)).toHaveLength(2);
    await remove(id);
  });
});
