import type { Attempt } from '../domain/notification.ts';

/** A mail to one person. `id` becomes the Message-ID, so that mail programs recognize a duplicate. */
export interface Mail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}
export interface Mailer {
  /** Returns a failed attempt instead of throwing when the mail server fails. */
  send(mail: Mail): Promise<Attempt>;
}

/** Builds the nodemailer message: plain text, marked as auto-generated. */
export function messageOf({ id, to, subject, text }: Mail, from: string) {
  return {
    from,
    // An object, because nodemailer parses a string as a list of addresses.
    to: { name: '', address: to },
    subject,
    text,
    messageId: `<${id}@${from.replace(/>$/, '').replace(/^.*@/, '')}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
