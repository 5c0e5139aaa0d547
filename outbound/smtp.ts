import { createTransport } from 'nodemailer';
import { hostOf, isLoopback } from '../domain/network/address.ts';
import { type Mailer, messageOf } from './mail.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 20_000;

/** A mail server. Connections to another machine require TLS. */
export function smtp({ url, from }: { readonly url: URL; readonly from: string }): Mailer {
  const secure = url.protocol === 'smtps:';
  const local = isLoopback(url);
  const transport = createTransport({
    host: hostOf(url),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && !local,
    // A local server rarely has a certificate for `localhost`.
    ignoreTLS: !secure && local,
    ...(url.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: IDLE_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail) {
      try {
        await transport.sendMail(messageOf(mail, from));
        return { delivered: true };
      } catch (error) {
        return { delivered: false, code: codeOf(error) };
      }
    },
  };
}

/** Returns a code from a closed list, because the server's text may contain the mail address. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'connection';
  const replyCode = 'responseCode' in error ? Number(error.responseCode) : 0;
  const code = 'code' in error ? CODES[String(error.code)] : undefined;
  // A server without STARTTLS rejects the command with a reply code of its own.
  if (replyCode >= 400 && replyCode < 600 && code !== 'tls') return `smtp_${replyCode}`;
  return code ?? 'connection';
}

/** Error codes of nodemailer. */
const CODES: Readonly<Record<string, string>> = {
  EAUTH: 'login',
  ENOAUTH: 'login',
  EDNS: 'dns',
  ETLS: 'tls',
  EREQUIRETLS: 'tls',
  ETIMEDOUT: 'timeout',
  EENVELOPE: 'address',
};
