import http from 'node:http';
import https from 'node:https';
import { Webhook } from 'standardwebhooks';
import { retryAfterMs } from '../domain/network/retry-after.ts';
import type { Attempt } from '../domain/notification.ts';
import { AddressRefused, type Guard, guardedLookup, requireAllowedHost } from './guard.ts';

/** One event for one receiver (Standard Webhooks 1.0). `id` is the same for each attempt, so receivers can deduplicate. */
export interface WebhookMessage {
  readonly id: string;
  readonly url: string;
  /** All active secrets, each `whsec_…`. During a rotation, both the old and the new secret sign. */
  readonly secrets: readonly string[];
  readonly body: string;
}
export interface WebhookSender {
  send(message: WebhookMessage): Promise<Attempt>;
}

/** Standard Webhooks recommends 15 to 30 seconds. */
const TIMEOUT_MS = 20_000;

/**
 * Sends webhooks without a proxy and without following redirects; reads only the status and `Retry-After` of a response.
 * Returns a failed attempt instead of throwing when the receiver fails.
 */
export function webhookSender({ timeoutMs = TIMEOUT_MS, ...guard }: Guard & { timeoutMs?: number }): WebhookSender {
  return {
    async send(message) {
      const url = new URL(message.url);
      try {
        requireAllowedHost(guard, url);
        return attemptOf(await post(url, message, guard, timeoutMs));
      } catch (error) {
        return { delivered: false, code: codeOf(error) };
      }
    },
  };
}

/** The global agents may use a proxy (NODE_USE_ENV_PROXY). */
const AGENTS = { 'http:': new http.Agent(), 'https:': new https.Agent() };

interface ResponseHead {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

function post(url: URL, message: WebhookMessage, guard: Guard, timeoutMs: number): Promise<ResponseHead> {
  const encrypted = url.protocol === 'https:';
  const options: https.RequestOptions = {
    method: 'POST',
    agent: encrypted ? AGENTS['https:'] : AGENTS['http:'],
    headers: headersOf(message),
    lookup: guardedLookup(guard, encrypted),
    signal: AbortSignal.timeout(timeoutMs),
    rejectUnauthorized: true,
  };
  return new Promise((resolve, reject) => {
    const request = (encrypted ? https : http).request(url, options, (response) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] });
      response.destroy();
    });
    request.on('error', reject);
    // After `101 Switching Protocols`, neither `response`, `error` nor the timeout fires.
    request.on('close', () => reject(new Error('the connection was closed without a response')));
    request.end(message.body);
  });
}

function headersOf({ id, secrets, body }: WebhookMessage): Record<string, string | number> {
  const at = new Date();
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'lethe',
    'webhook-id': id,
    'webhook-timestamp': Math.floor(at.getTime() / 1_000),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}

/** Statuses for which `Retry-After` is respected. */
const RETRY_AFTER_STATUSES = [429, 502, 503, 504];

function attemptOf({ status, retryAfter }: ResponseHead): Attempt {
  if (status >= 200 && status < 300) return { delivered: true };
  const code = `http_${status}`;
  const waitMs = RETRY_AFTER_STATUSES.includes(status) ? (retryAfterMs(retryAfter, Date.now()) ?? 0) : 0;
  return { delivered: false, code, ...(waitMs > 0 ? { retryAfterMs: waitMs } : {}) };
}

/** Returns a code from a closed list, because an error's message may quote the receiver. */
function codeOf(error: unknown): string {
  if (error instanceof AddressRefused) return 'address_refused';
  if (!(error instanceof Error)) return 'connection';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error.name === 'AbortError' || error.name === 'TimeoutError' || code === 'ETIMEDOUT') return 'timeout';
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns';
  return TLS.test(code) ? 'tls' : 'connection';
}

/** Error codes of OpenSSL for untrusted certificates, and of Node.js for failed handshakes. */
const TLS = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_)/;
