import { randomBytes } from 'node:crypto';
import { beforeEach } from 'vitest';
import { type WebhookMessage, webhookSender } from '../../outbound/webhook.ts';
import { loopback } from '../support/outbound.ts';
import { answering, receiver } from '../support/servers/receiver.ts';

export const sender = webhookSender({ networks: loopback() });
export const secret = () => `whsec_${randomBytes(32).toString('base64')}`;
export const SECRET = secret();
export const BODY = '{"type":"request.ready","data":{"id":"req_1"}}';

/** A webhook's other side, as if new for each test, and messages to it. */
export async function hook() {
  const it = await receiver();
  beforeEach(() => {
    it.received.splice(0);
    it.answer = answering(204);
  });
  const message = (changes: Partial<WebhookMessage> = {}): WebhookMessage => ({
    id: 'evt_1',
    url: `${it.url}/hook`,
    secrets: [SECRET],
    body: BODY,
    ...changes,
  });
  return { it, message };
}
