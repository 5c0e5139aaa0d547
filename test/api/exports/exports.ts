import { randomBytes } from 'node:crypto';
import { encrypt, generateArchiveKey } from '../../../archives/encryption.ts';
import type { ArchiveStorage } from '../../../archives/storage/storage.ts';
import { encryptSecret } from '../../../db/encryption.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { KEYS, type SentIdentity, START, type TestApi, textOf } from '../support/api.ts';

/** Exports in the states that a worker brings about, created without a worker. */

export const exportOf = (identities: readonly unknown[], more: Record<string, unknown> = {}) => ({
  project: 'demo',
  kind: 'export',
  regulation: 'gdpr',
  subjects: { kind: 'user', identities },
  ...more,
});

/** Stores an export of these identities and returns its id. */
export async function submitExport(
  api: TestApi,
  identities: readonly SentIdentity[],
  more: Record<string, unknown> = {},
) {
  const answer = await api.call('POST', '/v1/requests', exportOf(identities, more));
  if (answer.status !== 202) throw new Error(answer.text);
  return textOf(answer, 'id');
}

export interface ReadyExport {
  readonly id: string;
  readonly object: string;
  readonly bytes: Buffer;
}

/** Makes an export ready: stores these bytes as its encrypted archive, and the encrypted key in the database. */
export async function makeReady(
  api: TestApi,
  storage: ArchiveStorage,
  id: string,
  bytes: Buffer = randomBytes(200_000),
): Promise<ReadyExport> {
  const { database } = api;
  const object = `${id}/${crypto.randomUUID()}`;
  const key = await generateArchiveKey();
  await storage.write(object, encrypt(key, piecesOf(bytes)));
  const { encrypted, digestKey } = encryptSecret(KEYS, `archive ${id}`, key);
  await database.$client`INSERT INTO lethe.archive_keys (request_id, encrypted, digest_key) VALUES (${id}, ${encrypted}, ${digestKey})`;
  await database.$client`INSERT INTO lethe.archives (request_id, object, rows, bytes, sha256, ready_at, expires_at)
    VALUES (${id}, ${object}, 12, ${bytes.length}, sha256(${bytes}), ${START}, ${new Date(START.getTime() + 7 * DAY_MS)})`;
  await database.$client`UPDATE lethe.requests SET status = 'ready', resolved_at = ${START} WHERE id = ${id}`;
  return { id, object, bytes };
}

export async function* piecesOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536);
}

export interface Link {
  readonly id: string;
  readonly url: string;
  /** The path of the URL, without the public host. */
  readonly path: string;
}

export async function createLink(api: TestApi, requestId: string, more: Record<string, unknown> = {}): Promise<Link> {
  const answer = await api.call('POST', `/v1/requests/${requestId}/links`, more);
  if (answer.status !== 201) throw new Error(answer.text);
  const url = textOf(answer, 'url');
  return { id: textOf(answer, 'id'), url, path: new URL(url).pathname };
}

export const linkStateOf = async (api: TestApi, requestId: string, linkId: string): Promise<unknown> => {
  const { json } = await api.call('GET', `/v1/requests/${requestId}/links?limit=200`);
  return (json as { items: { id: string; state: string }[] }).items.find(({ id }) => id === linkId)?.state;
};
