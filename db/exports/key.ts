import { eq, sql } from 'drizzle-orm';
import type { Database, Queries } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { withProjectLock } from '../project-lock.ts';
import { decryptSecret, type EncryptedSecret, encryptSecret } from '../encryption.ts';
import { archiveKeys } from '../schema/exports.ts';
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
    await tx.execute(sql`
      INSERT INTO ${archiveKeys} (request_id, encrypted, digest_key)
      SELECT id, ${encrypted}, ${digestKey} FROM ${requests}
      WHERE id = ${requestId} AND status IN ('collecting', 'packaging')
        AND EXISTS (SELECT FROM ${subjects} WHERE request_id = ${requestId} AND state = 'selected')
      ON CONFLICT DO NOTHING`);
    return readKey(tx, keys, requestId);
  });
}

const purposeOf = (requestId: string): string => `archive ${requestId}`;
