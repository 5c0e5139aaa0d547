import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Database, Queries, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { withProjectLock } from '../project-lock.ts';
import { decryptSecret, type EncryptedSecret, encryptSecret } from '../encryption.ts';
import { archiveKeys, archiveSubjectKeys } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';

/** Reads the archive key. Null if it is not created yet, or if it was destroyed. */
export async function readKey(queries: Queries, keys: DigestKeys, requestId: string): Promise<string | null> {
  const [row] = await queries
    .select({ encrypted: archiveKeys.encrypted, digestKey: archiveKeys.digestKey })
    .from(archiveKeys)
    .where(eq(archiveKeys.requestId, requestId));
  return row === undefined ? null : decryptKey(keys, requestId, row);
}

/** Decrypts the archive key of a row. */
export const decryptKey = (keys: DigestKeys, requestId: string, encrypted: EncryptedSecret): string =>
  decryptSecret(keys, purposeOf(requestId), encrypted);

/** 256 bits, of which 244 are random. Subjects never join an export after its first collection. */
async function createSubjectKeys(tx: Transaction, requestId: string): Promise<void> {
  await tx.execute(sql`
    INSERT INTO ${archiveSubjectKeys} (request_id, seq, key)
    SELECT ${requestId}, seq, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    FROM (SELECT 0 AS seq UNION ALL SELECT seq FROM ${subjects} WHERE request_id = ${requestId} AND state = 'selected') AS owner`);
}

/** How many keys one statement reads. */
const PAGE_SIZE = 10_000;

/** Yields the keys of the subjects that the archive still contains, in the order of `seq`. */
export async function* readSubjectKeys(
  queries: Queries,
  requestId: string,
): AsyncGenerator<readonly { readonly seq: number; readonly key: Uint8Array }[]> {
  let last = -1;
  for (;;) {
    const page = await queries
      .select({ seq: archiveSubjectKeys.seq, key: archiveSubjectKeys.key })
      .from(archiveSubjectKeys)
      .where(and(eq(archiveSubjectKeys.requestId, requestId), gt(archiveSubjectKeys.seq, last)))
      .orderBy(asc(archiveSubjectKeys.seq))
      .limit(PAGE_SIZE);
    if (page.length > 0) yield page;
    last = page.at(-1)?.seq ?? last;
    if (page.length < PAGE_SIZE) return;
  }
}

/**
 * Reads the archive key, or creates it with `generate`. Concurrent calls return the same key. Null if no subject is left to
 * export, so that a destroyed key is not created again.
 */
export async function readOrCreateKey(
  database: Database,
  keys: DigestKeys,
  { requestId, project }: { readonly requestId: string; readonly project: string },
  generate: () => Promise<string>,
): Promise<string | null> {
  const existing = await readKey(database, keys, requestId);
  if (existing !== null) return existing;
  const { encrypted, digestKey } = encryptSecret(keys, purposeOf(requestId), await generate());
  return withProjectLock(database, project, async (tx) => {
    const created = await tx.execute(sql`
      INSERT INTO ${archiveKeys} (request_id, encrypted, digest_key)
      SELECT id, ${encrypted}, ${digestKey} FROM ${requests}
      WHERE id = ${requestId} AND status IN ('collecting', 'packaging')
        AND EXISTS (SELECT FROM ${subjects} WHERE request_id = ${requestId} AND state = 'selected')
      ON CONFLICT DO NOTHING RETURNING request_id`);
    if (created.length > 0) await createSubjectKeys(tx, requestId);
    return readKey(tx, keys, requestId);
  });
}

const purposeOf = (requestId: string): string => `archive ${requestId}`;
