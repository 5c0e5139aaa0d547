import type { Mail } from './mailer.ts';

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
