import type { Database, Queries } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { withProjectLock } from '../project-lock.ts';
import { type EncryptedSecret, encryptSecret, decryptSecret } from '../encryption.ts';

/** What opens the archive and its parts; null: there is none yet, or it was destroyed. */
export async function readKey(queries: Queries, keys: DigestKeys, requestId: string): Promise<string | null> {
  const [row] = await queries<EncryptedSecret[]>`
    SELECT sealed, digest_key FROM lethe.archive_keys WHERE request_id = ${requestId}`;
  return row === undefined ? null : openKey(keys, requestId, row);
}

/** The same, of what was read from its row. */
export const openKey = (keys: DigestKeys, requestId: string, sealed: EncryptedSecret): string =>
  decryptSecret(keys, purposeOf(requestId), sealed);

/**
 * The same, made where it is needed for the first time: of two who make one, both get the one that was stored. Null where
 * nobody is wanted any more: what was destroyed does not come back.
 */
export async function keyForCollecting(
  database: Database,
  keys: DigestKeys,
  { requestId, project }: { readonly requestId: string; readonly project: string },
  make: () => Promise<string>,
): Promise<string | null> {
  const known = await readKey(database, keys, requestId);
  if (known !== null) return known;
  const { sealed, digestKey } = encryptSecret(keys, purposeOf(requestId), await make());
  return withProjectLock(database, project, async (tx) => {
    await tx`INSERT INTO lethe.archive_keys (request_id, sealed, digest_key)
      SELECT id, ${sealed}, ${digestKey} FROM lethe.requests
      WHERE id = ${requestId} AND status IN ('collecting', 'packaging')
        AND EXISTS (SELECT FROM lethe.subjects WHERE request_id = ${requestId} AND state = 'wanted')
      ON CONFLICT DO NOTHING`;
    return readKey(tx, keys, requestId);
  });
}

const purposeOf = (requestId: string): string => `archive ${requestId}`;
