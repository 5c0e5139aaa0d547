import type { Mailer } from './mail.ts';
import { outbox } from './outbox.ts';
import { smtp } from './smtp.ts';

/** `url`: `smtp://`, `smtps://`, or `file:` for a folder in which each mail lies as a file. */
export const openMailer = (settings: { readonly url: URL; readonly from: string }): Mailer =>
  settings.url.protocol === 'file:' ? outbox(settings) : smtp(settings);
