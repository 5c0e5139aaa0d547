import { createHash, randomBytes } from 'node:crypto';
import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { LONGEST_LINK_MS } from '../../domain/policy.ts';
import type { LinkState } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { auditEvents } from '../schema/audit.ts';
import { archiveKeys, archives, links } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { transaction } from '../transaction.ts';

export interface NewLink {
  readonly requestId: string;
  /** A member's id, or `lethe`. */
  readonly createdBy: string;
  /** When the link expires at the latest. Null: as late as a link may. The archive's own expiry limits both. */
  readonly expiresAt: Date | null;
  readonly at: Date;
}
/** `token` is stored in no table: the caller sees it in this answer only. */
export interface MadeLink {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: Date;
}
export type LinkRow = Readonly<Awaited<ReturnType<typeof listLinks>>[number]>;

/** 32 random bytes, so that no limit on guesses is needed. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

const newLinkToken = (): string => randomBytes(32).toString('base64url');

/** The SHA-256 that is stored. Null for a text that cannot be a token. */
export const linkDigest = (token: string): Buffer | null =>
  TOKEN.test(token) ? createHash('sha256').update(token).digest() : null;

/** For one download of an archive that is ready. Throws `archive_not_ready`. */
export async function makeLink(tx: Transaction, link: NewLink): Promise<MadeLink> {
  const { requestId, createdBy, expiresAt, at } = link;
  const id = newId('link', at.getTime());
  const token = newLinkToken();
  const latest = new Date(Math.min(at.getTime() + LONGEST_LINK_MS, expiresAt?.getTime() ?? Infinity));
  const [made] = await tx.execute<Pick<typeof requests.$inferSelect, 'project'> & Pick<LinkRow, 'expiresAt'>>(sql`
    WITH archive AS (
      SELECT request_id, least(expires_at, ${latest}) AS expires_at FROM ${archives}
      WHERE request_id = ${requestId} AND destroyed_at IS NULL AND expires_at > ${at}),
    link AS (
      INSERT INTO ${links} (id, request_id, sha256, created_at, created_by, expires_at)
      SELECT ${id}, request_id, ${linkDigest(token)}, ${at}, ${createdBy}, expires_at FROM archive
      RETURNING request_id, expires_at)
    SELECT project, link.expires_at FROM link JOIN ${requests} ON requests.id = link.request_id`);
  if (made === undefined) throw new DomainError('archive_not_ready', 'there is no archive that could be downloaded');
  const { project } = made;
  await recordAudit(tx, { at, project, requestId, actor: createdBy, action: 'link.made', detail: { link: id } });
  return { id, token, expiresAt: made.expiresAt };
}

/** Newest first, including those that have ended; never the token or its digest. */
export const listLinks = async (
  queries: Queries,
  page: { readonly requestId: string; readonly after: string | null; readonly limit: number; readonly now: Date },
) =>
  queries
    .select({
      id: links.id,
      state: sql<LinkState>`
        CASE WHEN ${links.usedAt} IS NOT NULL THEN 'used'
             WHEN ${links.revokedAt} IS NOT NULL THEN 'revoked'
             WHEN ${archives.destroyedAt} IS NOT NULL OR ${links.expiresAt} <= ${page.now} THEN 'expired'
             WHEN ${links.leaseRenewedAt} > ${leaseExpiredBefore(page.now)} THEN 'downloading'
             ELSE 'open' END`,
      createdAt: links.createdAt,
      createdBy: links.createdBy,
      expiresAt: links.expiresAt,
      revokedAt: links.revokedAt,
      usedAt: links.usedAt,
    })
    .from(links)
    .innerJoin(archives, eq(archives.requestId, links.requestId))
    .where(and(eq(links.requestId, page.requestId), page.after === null ? undefined : lt(links.id, page.after)))
    .orderBy(desc(links.id))
    .limit(page.limit);

/** Ends the link and its running transfer. Idempotent. Throws `link_not_found`. */
export const revokeLink = (
  database: Database,
  revocation: { readonly requestId: string; readonly id: string; readonly actor: string; readonly at: Date },
): Promise<void> =>
  transaction(database, async (tx) => {
    const { requestId, id, actor, at } = revocation;
    const [link] = await tx
      .select({ project: requests.project })
      .from(links)
      .innerJoin(requests, eq(requests.id, links.requestId))
      .where(and(eq(links.id, id), eq(links.requestId, requestId)));
    if (link === undefined) throw new DomainError('link_not_found', 'there is no such link');
    const revoked = await tx
      .update(links)
      .set({ revokedAt: at, revokedBy: actor })
      .where(and(eq(links.id, id), isNull(links.revokedAt), isNull(links.usedAt)));
    if (revoked.count === 0) return;
    const { project } = link;
    await recordAudit(tx, { at, project, requestId, actor, action: 'link.revoked', detail: { link: id } });
  });

/** A link in use, by its `id`: no other transfer can use it while this one renews its lease. */
export type Transfer = Readonly<NonNullable<Awaited<ReturnType<typeof beginTransfer>>>>;
type Key = Pick<Transfer, 'id' | 'transfer'>;

/** A transfer that has not renewed its lease for so long ended with its process: another one may take its place. */
export const LEASE_MS = 120_000;

/** A lease that was last renewed at this time, or earlier, has expired at `at`. */
const leaseExpiredBefore = (at: Date): Date => new Date(at.getTime() - LEASE_MS);

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
    .set({ transfer: crypto.randomUUID(), leaseRenewedAt: at })
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
        sql`coalesce(${links.leaseRenewedAt} <= ${leaseExpiredBefore(at)}, true)`,
      ),
    )
    .returning({
      id: links.id,
      transfer: sql<string>`${links.transfer}`,
      requestId: links.requestId,
      object: archives.object,
      bytes: archives.bytes,
      encrypted: archiveKeys.encrypted,
      digestKey: archiveKeys.digestKey,
    });
  return taken ?? null;
}

/** Whether the transfer may continue: false once its link is revoked, its archive destroyed, or another has its place. */
export async function renewTransferLease(database: Database, { id, transfer }: Key, at: Date): Promise<boolean> {
  const renewed = await database
    .update(links)
    .set({ leaseRenewedAt: at })
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
      UPDATE ${links} SET used_at = ${at}, transfer = NULL, lease_renewed_at = NULL WHERE id = ${id} AND transfer = ${transfer}
      RETURNING request_id)
    INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
    SELECT ${at}, project, request_id, ${LETHE}, 'link.used', jsonb_build_object('link', ${id}::text)
    FROM used JOIN ${requests} ON requests.id = request_id`);
}

/** The transfer broke off: the link can be used again at once. */
export async function releaseTransferLease(database: Database, { id, transfer }: Key): Promise<void> {
  await database
    .update(links)
    .set({ transfer: null, leaseRenewedAt: null })
    .where(and(eq(links.id, id), eq(links.transfer, transfer)));
}
