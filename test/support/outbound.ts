import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { openMailer } from '../../outbound/mailer.ts';
import { webhookSender } from '../../outbound/webhook.ts';
import { PUBLIC_URL } from './archives.ts';

export const FROM = 'Lethe <lethe@lethe.test>';

/** Allows 127.0.0.1 only, as `LETHE_WEBHOOK_NETWORKS=127.0.0.1` does. */
export function loopback(): BlockList {
  const networks = new BlockList();
  networks.addAddress('127.0.0.1');
  return networks;
}

/** A mail folder that is removed after the test file. */
export function mailFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-outbox-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, url: pathToFileURL(folder), mails: () => mailsIn(folder) };
}

/** Returns the mails by file name. */
export function mailsIn(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder).toSorted();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** The default mailer, webhook sender and log of the tests. */
export const notificationDeps = () => ({
  log: { warn: () => {} },
  mailer: openMailer({ url: mailFolder().url, from: FROM }),
  webhooks: webhookSender({ networks: loopback() }),
  publicUrl: PUBLIC_URL,
});
