import type { Mailer } from './mail.ts';
import { mailFolder } from './mail-folder.ts';
import { smtp } from './smtp.ts';

/** Opens a mail server (`smtp://`, `smtps://`) or a folder that stores each mail as a file (`file:`). */
export const openMailer = (settings: { readonly url: URL; readonly from: string }): Mailer =>
  settings.url.protocol === 'file:' ? mailFolder(settings) : smtp(settings);
