const WEBHOOK = 'wh_01a207e0c3307000865f1d9ab3e27c40';
const DELIVERY = 'evt_6f9619ff8b86d011b42d00c04fc964ff';
const SECRET = `whsec_${Buffer.alloc(32, 'lethe').toString('base64')}`;
const URL = 'https://hooks.example.com/lethe';

/** Of the story that the examples tell: who is told of it. */
export const WEBHOOK_WORDS: Readonly<Record<string, unknown>> = {
  'NewWebhook.url': URL,
  'AddedWebhook.id': WEBHOOK,
  'AddedWebhook.url': URL,
  'AddedWebhook.secret': SECRET,
  'Webhook.id': WEBHOOK,
  'Webhook.url': URL,
  'Webhook.createdBy': 'mem_01a1f82f1e807000a4c25d0b7e61f092',
  'Webhook.disabledAt': null,
  'listWebhooks.nextCursor': null,
  'Rotation.overlap': 86_400,
  'RotatedSecret.secret': SECRET,
  'RotatedSecret.previousUntil': '2026-11-24T10:05:00.000Z',
  'removeWebhook.parameters.id': WEBHOOK,
  'rotateWebhookSecret.parameters.id': WEBHOOK,
  'enableWebhook.parameters.id': WEBHOOK,
  'listDeliveries.parameters.id': WEBHOOK,
  'retryDelivery.parameters.id': WEBHOOK,
  'parameters.deliveryId': DELIVERY,
  'Delivery.id': DELIVERY,
  'Delivery.type': 'request.grace',
  'Delivery.attempts': 2,
  'Delivery.nextAt': '2026-11-23T10:05:12.000Z',
  'Delivery.outcome': null,
  'Delivery.lastCode': 'http_503',
};
