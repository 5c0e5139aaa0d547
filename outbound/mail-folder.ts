import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTransport } from 'nodemailer';
import { type Mailer, messageOf } from './mail.ts';

/**
 * Stores each mail as `<id>.eml` in a folder, for development without a mail server. Only the owner can read the files,
 * because a mail may contain a download link. A repeated mail replaces the file.
 */
export function mailFolder({ url, from }: { readonly url: URL; readonly from: string }): Mailer {
  const folder = fileURLToPath(url);
  const composer = createTransport({ streamTransport: true, buffer: true });
  return {
    async send(mail) {
      try {
        const { message } = await composer.sendMail(messageOf(mail, from));
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const path = join(folder, `${mail.id}.eml`);
        await writeFile(`${path}.part`, message, { mode: 0o600 });
        await rename(`${path}.part`, path);
        return { delivered: true };
      } catch {
        return { delivered: false, code: 'outbox' };
      }
    },
  };
}
