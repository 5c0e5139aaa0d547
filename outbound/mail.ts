import type { Attempt } from '../domain/notification.ts';

/** One mail to one person. `id` becomes its Message-ID: one that is sent twice is known again. */
export interface Mail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}
export interface Mailer {
  /** Never throws for what the other side is or does. */
  send(mail: Mail): Promise<Attempt>;
}

/** A mail as nodemailer takes it: plain text alone, and from a machine, which nobody answers. */
export function messageOf({ id, to, subject, text }: Mail, from: string) {
  return {
    from,
    // An object: as text it would be read as a list of addresses.
    to: { name: '', address: to },
    subject,
    text,
    messageId: `<${id}@${from.replace(/>$/, '').replace(/^.*@/, '')}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
