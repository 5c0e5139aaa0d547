import { randomBytes } from 'node:crypto';
import { packArchive, readArchive } from '../../../archives/archive.ts';
import { generateArchiveKey } from '../../../archives/encryption.ts';
import type { ArchiveStorage } from '../../../archives/storage/storage.ts';
import { SubjectKeys } from '../../../archives/subject-keys.ts';
import { encryptSecret } from '../../../db/encryption.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { collect, contents, readAll, table } from '../../archives/packing.ts';
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
  /** The ZIP that a download returns. */
  readonly bytes: Buffer;
}

/** Makes an export ready. Buffer n of an array is the row of subject n; one buffer belongs to subject 1. */
export async function makeReady(
  api: TestApi,
  storage: ArchiveStorage,
  id: string,
  content: Buffer | readonly Buffer[] = randomBytes(200_000),
): Promise<ReadyExport> {
  const { database } = api;
  const owned = Buffer.isBuffer(content)
    ? blocksOf(content)
    : content.map((bytes, index) => ({ seq: index + 1, bytes }));
  const subjects = owned.at(-1)?.seq ?? 1;
  const key = await generateArchiveKey();
  const subjectKeys = Array.from({ length: subjects + 1 }, (_, seq) => ({ seq, key: randomBytes(32) }));
  const keys = { key, subjects: new SubjectKeys(subjectKeys) };
  const context = { storage, keys, requestId: id, newName: () => `${id}/${crypto.randomUUID()}` };
  const users = table('app.users', '', {
    rows: (async function* () {
      for (const { seq, bytes } of owned) yield { owners: [seq], rows: 1, bytes };
    })(),
    figures: () => ({ rows: owned.length, bytes: owned.reduce((sum, { bytes }) => sum + bytes.length, 0) }),
  });
  const parts = await collect(context, [users]);
  const packed = contents(parts, { id, subjects });
  const { manifest, bytes, sha256 } = await packArchive(storage, keys, packed, new AbortController().signal);
  const object = parts[0]?.object ?? '';
  const { encrypted, digestKey } = encryptSecret(KEYS, `archive ${id}`, key);
  const sql = database.$client;
  await sql`INSERT INTO lethe.archive_keys (request_id, encrypted, digest_key) VALUES (${id}, ${encrypted}, ${digestKey})`;
  for (const { seq, key: subjectKey } of subjectKeys)
    await sql`INSERT INTO lethe.archive_subject_keys (request_id, seq, key) VALUES (${id}, ${seq}, ${subjectKey})`;
  await sql`INSERT INTO lethe.collections (request_id, epoch, system, state, cut_off_at) VALUES (${id}, 1, 'app', 'collected', ${START})`;
  await sql`INSERT INTO lethe.collected_tables (request_id, epoch, system, number, object, facts)
    VALUES (${id}, 1, 'app', 1, ${object}, ${JSON.stringify(parts[0]?.facts)}::text::json)`;
  await sql`INSERT INTO lethe.archives (request_id, epoch, subjects, rows, bytes, sha256, ready_at, expires_at)
    VALUES (${id}, 1, ${subjects}, 12, ${bytes}, ${Buffer.from(sha256, 'hex')}, ${START}, ${new Date(START.getTime() + 7 * DAY_MS)})`;
  await sql`UPDATE lethe.requests SET status = 'ready', resolved_at = ${START}, receipt = ${JSON.stringify(manifest)}::text::json WHERE id = ${id}`;
  const zip = await readAll(readArchive(storage, keys, { manifest, objects: [object] }));
  return { id, object, bytes: zip };
}

/** In pieces, as a connector returns the rows of one subject. */
function blocksOf(content: Buffer): readonly { readonly seq: number; readonly bytes: Buffer }[] {
  const starts = Array.from({ length: Math.ceil(content.length / 65_536) }, (_, piece) => piece * 65_536);
  return starts.map((from) => ({ seq: 1, bytes: content.subarray(from, from + 65_536) }));
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
