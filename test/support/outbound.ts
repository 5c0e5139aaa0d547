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

/** `LETHE_WEBHOOK_NETWORKS=127.0.0.1`: the servers of tests, and no other address of this machine. */
export function loopback(): BlockList {
  const networks = new BlockList();
  networks.addAddress('127.0.0.1');
  return networks;
}

/** A folder of this test file's own in which mails lie, gone with it. */
export function outboxFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-outbox-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, url: pathToFileURL(folder), mails: () => mailsIn(folder) };
}

/** By name, as they lie there. */
export function mailsIn(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder).toSorted();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** How a worker tells others, where a test does not say otherwise. */
export const telling = () => ({
  mailer: openMailer({ url: outboxFolder().url, from: FROM }),
  webhooks: webhookSender({ networks: loopback() }),
  publicUrl: PUBLIC_URL,
});
