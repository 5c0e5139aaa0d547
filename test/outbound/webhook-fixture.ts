import { randomBytes } from 'node:crypto';
import { beforeEach } from 'vitest';
import { type WebhookMessage, webhookSender } from '../../outbound/webhook.ts';
import { loopback } from '../support/outbound.ts';
import { respondWith, startReceiver } from '../support/servers/receiver.ts';

export const sender = webhookSender({ networks: loopback() });
export const secret = () => `whsec_${randomBytes(32).toString('base64')}`;
export const SECRET = secret();
export const BODY = '{"type":"request.ready","data":{"id":"req_1"}}';

/** A webhook receiver that is reset before each test, and a function that creates messages for it. */
export async function webhookFixture() {
  const receiver = await startReceiver();
  beforeEach(() => {
    receiver.received.splice(0);
    receiver.respond = respondWith(204);
  });
  const message = (changes: Partial<WebhookMessage> = {}): WebhookMessage => ({
    id: 'evt_1',
    url: `${receiver.url}/hook`,
    secrets: [SECRET],
    body: BODY,
    ...changes,
  });
  return { receiver, message };
}
