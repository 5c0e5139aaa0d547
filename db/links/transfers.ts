import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import { LETHE } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { auditEvents } from '../schema/audit.ts';
import { archiveKeys, archives, links } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';

/** A link in use, by its `id`: no other transfer can use it while this one renews its lease. */
export type Transfer = Readonly<NonNullable<Awaited<ReturnType<typeof beginTransfer>>>>;
type Key = Pick<Transfer, 'id' | 'transfer'>;

/** A transfer that has not renewed its lease for so long ended with its process: another one may take its place. */
export const LEASE_MS = 120_000;

/** A lease that was last renewed at this instant, or earlier, has expired at `at`. */
export const leaseExpiredBefore = (at: Date): Date => new Date(at.getTime() - LEASE_MS);

/**
 * One atomic update: of many who use a link at once, one gets it. `null` for a link that is unknown, used, revoked,
 * expired or in use, or whose archive was destroyed.
 */
export async function beginTransfer(
  database: Database,
  { sha256, at }: { readonly sha256: Buffer; readonly at: Date },
) {
  const [taken] = await database
    .update(links)
    .set({ transfer: crypto.randomUUID(), aliveAt: at })
    .from(archives)
    .innerJoin(archiveKeys, eq(archiveKeys.requestId, archives.requestId))
    .where(
      and(
        eq(links.sha256, sha256),
        eq(archives.requestId, links.requestId),
        isNull(links.usedAt),
        isNull(links.revokedAt),
        gt(links.expiresAt, at),
        isNull(archives.destroyedAt),
        gt(archives.expiresAt, at),
        sql`coalesce(${links.aliveAt} <= ${leaseExpiredBefore(at)}, true)`,
      ),
    )
    .returning({
      id: links.id,
      transfer: sql<string>`${links.transfer}`,
      requestId: links.requestId,
      object: archives.object,
      bytes: archives.bytes,
      sealed: archiveKeys.sealed,
      digestKey: archiveKeys.digestKey,
    });
  return taken ?? null;
}

/** Whether the transfer may continue: false once its link is revoked, its archive destroyed, or another has its place. */
export async function renewTransferLease(database: Database, { id, transfer }: Key, at: Date): Promise<boolean> {
  const renewed = await database
    .update(links)
    .set({ aliveAt: at })
    .from(archiveKeys)
    .where(
      and(
        eq(links.id, id),
        eq(links.transfer, transfer),
        isNull(links.revokedAt),
        eq(archiveKeys.requestId, links.requestId),
      ),
    );
  return renewed.count > 0;
}

/** The whole archive was sent: the link is used. One statement, so that a process that ends leaves no half of it. */
export async function completeTransfer(database: Database, { id, transfer }: Key, at: Date): Promise<void> {
  await database.execute(sql`
    WITH used AS (
      UPDATE ${links} SET used_at = ${at}, transfer = NULL, alive_at = NULL WHERE id = ${id} AND transfer = ${transfer}
      RETURNING request_id)
    INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
    SELECT ${at}, project, request_id, ${LETHE}, 'link.used', jsonb_build_object('link', ${id}::text)
    FROM used JOIN ${requests} ON requests.id = request_id`);
}

/** The transfer broke off: the link can be used again at once. */
export async function releaseTransferLease(database: Database, { id, transfer }: Key): Promise<void> {
  await database
    .update(links)
    .set({ transfer: null, aliveAt: null })
    .where(and(eq(links.id, id), eq(links.transfer, transfer)));
}
