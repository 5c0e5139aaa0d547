import { createTransport } from 'nodemailer';
import { hostOf, isLoopback } from '../domain/address.ts';
import { type Mailer, messageOf } from './mail.ts';

const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;

/** A mail server. What is said to one on another machine is encrypted, or not said. */
export function smtp({ url, from }: { readonly url: URL; readonly from: string }): Mailer {
  const secure = url.protocol === 'smtps:';
  const local = isLoopback(url);
  const transport = createTransport({
    host: hostOf(url),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && !local,
    // A server on this machine rarely has a certificate for `localhost`.
    ignoreTLS: !secure && local,
    ...(url.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
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

/** A closed code: what a mail server says may hold the address it was given. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'connection';
  const said = 'responseCode' in error ? Number(error.responseCode) : 0;
  const code = 'code' in error ? CODES[String(error.code)] : undefined;
  // A server that knows no STARTTLS answers it with a number of its own.
  if (said >= 400 && said < 600 && code !== 'tls') return `smtp_${said}`;
  return code ?? 'connection';
}

/** nodemailer's words. */
const CODES: Readonly<Record<string, string>> = {
  EAUTH: 'login',
  ENOAUTH: 'login',
  EDNS: 'dns',
  ETLS: 'tls',
  EREQUIRETLS: 'tls',
  ETIMEDOUT: 'timeout',
  EENVELOPE: 'address',
};
