import { LETHE } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import type { EncryptedSecret } from '../encryption.ts';

/** A link in use: nobody else can use it while its transfer gives signs of life. */
export interface Transfer extends EncryptedSecret {
  /** Of the link. */
  readonly id: string;
  readonly transfer: string;
  readonly requestId: string;
  readonly object: string;
  readonly bytes: number;
}
type Key = Pick<Transfer, 'id' | 'transfer'>;

/** A transfer that was silent for so long has gone, with the process that it ran in: another one may take its place. */
export const LEASE_MS = 120_000;

/** A transfer whose last sign of life is not younger has gone. */
export const silentSince = (at: Date): Date => new Date(at.getTime() - LEASE_MS);

/**
 * One atomic update: of many who use a link at once, one gets it. `null` of a link that is unknown, used, revoked or
 * expired, in use, or whose archive has gone.
 */
export async function beginTransfer(
  database: Database,
  { sha256, at }: { readonly sha256: Buffer; readonly at: Date },
): Promise<Transfer | null> {
  const transfer = crypto.randomUUID();
  const [taken] = await database<Transfer[]>`
    UPDATE lethe.links link SET transfer = ${transfer}, alive_at = ${at}
    FROM lethe.archives archive JOIN lethe.archive_keys key USING (request_id)
    WHERE link.sha256 = ${sha256} AND archive.request_id = link.request_id
      AND used_at IS NULL AND revoked_at IS NULL AND link.expires_at > ${at}
      AND archive.destroyed_at IS NULL AND archive.expires_at > ${at}
      AND coalesce(alive_at <= ${silentSince(at)}, true)
    RETURNING link.id, link.transfer, link.request_id, object, bytes, sealed, digest_key`;
  return taken ?? null;
}

/** Whether it may go on: not when its link was revoked, or the archive destroyed, or another has taken its place. */
export async function transferGoesOn(database: Database, { id, transfer }: Key, at: Date): Promise<boolean> {
  const alive = await database`
    UPDATE lethe.links link SET alive_at = ${at} FROM lethe.archive_keys key
    WHERE id = ${id} AND transfer = ${transfer} AND revoked_at IS NULL AND key.request_id = link.request_id`;
  return alive.count > 0;
}

/** Everything was sent: the link has done what it is for. One statement, so that a process that ends leaves no half of it. */
export async function transferDone(database: Database, { id, transfer }: Key, at: Date): Promise<void> {
  await database`
    WITH used AS (
      UPDATE lethe.links SET used_at = ${at}, transfer = NULL, alive_at = NULL WHERE id = ${id} AND transfer = ${transfer}
      RETURNING request_id)
    INSERT INTO lethe.audit_events (at, project, request_id, actor, action, detail)
    SELECT ${at}, project, request_id, ${LETHE}, 'link.used', jsonb_build_object('link', ${id}::text)
    FROM used JOIN lethe.requests ON requests.id = request_id`;
}

/** It broke off: the link can be used again at once. */
export async function releaseLink(database: Database, { id, transfer }: Key): Promise<void> {
  await database`UPDATE lethe.links SET transfer = NULL, alive_at = NULL WHERE id = ${id} AND transfer = ${transfer}`;
}
