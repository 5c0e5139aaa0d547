import type { NewRequest } from '../../db/requests/create.ts';
import { startBackup } from '../../db/backups/start.ts';
import { finishBackup } from '../../db/backups/finish.ts';
import { extendBackup } from '../../db/backups/keep.ts';
import { withProjectLock } from '../../db/project-lock.ts';
import { readRequestRow } from '../../db/requests/row.ts';
import { encryptSecret } from '../../db/encryption.ts';
import type { Identity } from '../../domain/identity.ts';
import { accept, allKnown, KEYS, type Ledger, POLICY, resolve, START } from './ledger.ts';

/** Creates an accepted and resolved export, of which nothing is collected yet. */
export async function givenExport(
  world: Ledger,
  identities: readonly Identity[],
  changes: Partial<NewRequest> = {},
  keys = KEYS,
): Promise<string> {
  const shape = { kind: 'export', hardDeleteAt: null, format: 'ndjson' } as const;
  const requestId = await accept(world, identities, { ...shape, ...changes });
  await resolve(world, requestId, allKnown(identities), {}, keys);
  return requestId;
}

/** Stores the keys of an archive and its subjects, as the first collected table does. */
export async function storeArchiveKey({ database }: Ledger, requestId: string): Promise<void> {
  const { encrypted, digestKey } = encryptSecret(KEYS, `archive ${requestId}`, 'a key');
  await database.$client`INSERT INTO lethe.archive_keys (request_id, encrypted, digest_key) VALUES (${requestId}, ${encrypted}, ${digestKey})`;
  await database.$client`INSERT INTO lethe.archive_subject_keys (request_id, seq, key)
    SELECT ${requestId}, seq, sha256(seq::text::bytea) FROM (
      SELECT 0 AS seq UNION ALL SELECT seq FROM lethe.subjects WHERE request_id = ${requestId}) AS owner`;
}

/** Changes the rows as if the archive were ready. */
export async function markReady({ database }: Ledger, requestId: string, at = START): Promise<void> {
  await database.$client`UPDATE lethe.subjects SET state = 'exported' WHERE request_id = ${requestId} AND state = 'selected'`;
  await database.$client`UPDATE lethe.requests SET status = 'ready' WHERE id = ${requestId}`;
  await database.$client`INSERT INTO lethe.archives (request_id, epoch, subjects, rows, bytes, sha256, ready_at, expires_at)
    SELECT ${requestId}, 1, count(*), 1, 1, '\\x00', ${at}, ${new Date(at.getTime() + 7 * 86_400_000)}
    FROM lethe.subjects WHERE request_id = ${requestId} AND state = 'exported'`;
}

export async function exportOf({ database }: Ledger, requestId: string) {
  const [row] = await database.$client<
    {
      status: string;
      epoch: number;
      keys: number;
      reason: string | null;
      unseen: boolean;
      actions: string[];
      removed: number | null;
      subjectKeys: number[];
    }[]
  >`
    SELECT status, epoch, (SELECT count(*) FROM lethe.archive_keys WHERE request_id = id) AS keys,
           (SELECT reason FROM lethe.archives WHERE request_id = id), wake_version > wake_seen AS unseen,
           ARRAY(SELECT action FROM lethe.audit_events WHERE request_id = requests.id AND action LIKE 'export.%' ORDER BY audit_events.id) AS actions,
           (SELECT removed_subjects FROM lethe.archives WHERE request_id = id) AS removed,
           ARRAY(SELECT seq FROM lethe.archive_subject_keys WHERE request_id = requests.id ORDER BY seq) AS "subjectKeys"
    FROM lethe.requests WHERE id = ${requestId}`;
  if (row === undefined) throw new Error('no such request');
  return row;
}

/** Starts the backup that a deletion waits for. */
export async function backup(world: Ledger, requestId: string, at = START): Promise<string> {
  const id = await startBackup(world.database, requestId, at);
  if (id === null) throw new Error('no subject waits for a backup');
  return id;
}

/** Changes the rows as the workflow of the backup does at its end, including those of the deletion. */
export async function endBackup(
  world: Ledger,
  requestId: string,
  end: { readonly at: Date; readonly status?: 'ready' | 'not_found' | 'cancelled' },
): Promise<readonly string[]> {
  const { at, status = 'ready' } = end;
  const { project } = await readRequestRow(world.database, requestId);
  if (status === 'ready') await markReady(world, requestId, at);
  else {
    await world.sql`UPDATE lethe.subjects SET state = ${status} WHERE request_id = ${requestId} AND state = 'selected'`;
    await world.sql`UPDATE lethe.requests SET status = ${status}, concluded_at = ${at} WHERE id = ${requestId}`;
  }
  return withProjectLock(world.database, project, async (tx) => {
    const row = await readRequestRow(tx, requestId);
    const wake = await finishBackup(tx, row, { window: POLICY.window, at });
    await extendBackup(tx, row, { at, keptMs: POLICY.exportsKeptMs });
    return wake;
  });
}
