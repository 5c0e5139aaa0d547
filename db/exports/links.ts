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

/** A download link to create. */
export interface NewLink {
  readonly requestId: string;
  /** A member's id, or `lethe`. */
  readonly createdBy: string;
  /** The latest expiry. Null for the maximum lifetime. The link never outlives the archive. */
  readonly expiresAt: Date | null;
  readonly at: Date;
}
/** A created link. `token` is not stored, and returned only here. */
export interface CreatedLink {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: Date;
}
/** A link as callers see it, without its token. */
export type LinkRow = Readonly<Awaited<ReturnType<typeof listLinks>>[number]>;

/** 32 random bytes in base64url, which cannot be guessed even without a rate limit. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

const newLinkToken = (): string => randomBytes(32).toString('base64url');

/** The stored SHA-256 of a token. Null for text that cannot be a token. */
export const linkDigest = (token: string): Buffer | null =>
  TOKEN.test(token) ? createHash('sha256').update(token).digest() : null;

/** Creates a link for one download of a ready archive. Throws `archive_not_ready`. */
export async function createLink(tx: Transaction, link: NewLink): Promise<CreatedLink> {
  const { requestId, createdBy, expiresAt, at } = link;
  const id = newId('link', at.getTime());
  const token = newLinkToken();
  const latest = new Date(Math.min(at.getTime() + LONGEST_LINK_MS, expiresAt?.getTime() ?? Infinity));
  const [created] = await tx.execute<Pick<typeof requests.$inferSelect, 'project'> & Pick<LinkRow, 'expiresAt'>>(sql`
    WITH archive AS (
      SELECT request_id, least(expires_at, ${latest}) AS expires_at FROM ${archives}
      WHERE request_id = ${requestId} AND destroyed_at IS NULL AND expires_at > ${at}),
    link AS (
      INSERT INTO ${links} (id, request_id, sha256, created_at, created_by, expires_at)
      SELECT ${id}, request_id, ${linkDigest(token)}, ${at}, ${createdBy}, expires_at FROM archive
      RETURNING request_id, expires_at)
    SELECT project, link.expires_at FROM link JOIN ${requests} ON requests.id = link.request_id`);
  if (created === undefined)
    throw new DomainError(
      'archive_not_ready',
      'The export has no archive that can be downloaded. No link was created; see `status` and `archive` of the request.',
    );
  const { project } = created;
  await recordAudit(tx, { at, project, requestId, actor: createdBy, action: 'link.made', detail: { link: id } });
  return { id, token, expiresAt: created.expiresAt };
}

/** Lists links, newest first, including ended ones, without tokens and digests. */
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

/** Revokes a link, which also ends its running transfer. Idempotent. Throws `link_not_found`. */
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
    if (link === undefined)
      throw new DomainError(
        'link_not_found',
        'The request has no download link with this id. Nothing was changed; check the id.',
      );
    const revoked = await tx
      .update(links)
      .set({ revokedAt: at, revokedBy: actor })
      .where(and(eq(links.id, id), isNull(links.revokedAt), isNull(links.usedAt)));
    if (revoked.count === 0) return;
    const { project } = link;
    await recordAudit(tx, { at, project, requestId, actor, action: 'link.revoked', detail: { link: id } });
  });

/** A running transfer. No other transfer can use its link while this one renews its lease. */
export type Transfer = Readonly<NonNullable<Awaited<ReturnType<typeof beginTransfer>>>>;
type TransferKey = Pick<Transfer, 'id' | 'transfer'>;

/** How long a lease lasts after its last renewal. Then another transfer may use the link. */
export const LEASE_MS = 120_000;

/** Leases last renewed at this time or earlier have expired at `at`. */
const leaseExpiredBefore = (at: Date): Date => new Date(at.getTime() - LEASE_MS);

/**
 * Starts a transfer by one atomic update, so that only one of several concurrent calls gets the link. Null if the link
 * is unknown, used, revoked, expired or in use, or if its archive was destroyed.
 */
export async function beginTransfer(
  database: Database,
  { sha256, at }: { readonly sha256: Buffer; readonly at: Date },
) {
  const [transfer] = await database
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
      bytes: archives.bytes,
      encrypted: archiveKeys.encrypted,
      digestKey: archiveKeys.digestKey,
    });
  return transfer ?? null;
}

/**
 * Renews the lease. False if the link was revoked, the archive destroyed, another subject removed from it, or the link
 * taken by another transfer.
 */
export async function renewTransferLease(
  database: Database,
  { id, transfer }: TransferKey,
  { removedSubjects, at }: { readonly removedSubjects: number; readonly at: Date },
): Promise<boolean> {
  const renewed = await database
    .update(links)
    .set({ leaseRenewedAt: at })
    .from(archiveKeys)
    .innerJoin(archives, eq(archives.requestId, archiveKeys.requestId))
    .where(
      and(
        eq(links.id, id),
        eq(links.transfer, transfer),
        isNull(links.revokedAt),
        eq(archiveKeys.requestId, links.requestId),
        eq(archives.removedSubjects, removedSubjects),
      ),
    );
  return renewed.count > 0;
}

/** Marks the link as used after the whole archive was sent, and records it in the audit log, in one statement. */
export async function completeTransfer(database: Database, { id, transfer }: TransferKey, at: Date): Promise<void> {
  await database.execute(sql`
    WITH used AS (
      UPDATE ${links} SET used_at = ${at}, transfer = NULL, lease_renewed_at = NULL WHERE id = ${id} AND transfer = ${transfer}
      RETURNING request_id)
    INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
    SELECT ${at}, project, request_id, ${LETHE}, 'link.used', jsonb_build_object('link', ${id}::text)
    FROM used JOIN ${requests} ON requests.id = request_id`);
}

/** Releases the lease of an interrupted transfer, so that the link can be used again immediately. */
export async function releaseTransferLease(database: Database, { id, transfer }: TransferKey): Promise<void> {
  await database
    .update(links)
    .set({ transfer: null, leaseRenewedAt: null })
    .where(and(eq(links.id, id), eq(links.transfer, transfer)));
}
