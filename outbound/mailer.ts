import type { Attempt } from '../domain/notification.ts';
import { outbox } from './outbox.ts';
import { smtp } from './smtp.ts';

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

/** `url`: `smtp://`, `smtps://`, or `file:` for a folder in which each mail lies as a file. */
export const openMailer = (settings: { readonly url: URL; readonly from: string }): Mailer =>
  settings.url.protocol === 'file:' ? outbox(settings) : smtp(settings);
