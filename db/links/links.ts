import { createHash, randomBytes } from 'node:crypto';
import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { LONGEST_LINK_MS } from '../../domain/policy.ts';
import type { LinkState } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { archives, links } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { transaction } from '../transaction.ts';
import { leaseExpiredBefore } from './transfers.ts';

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
             WHEN ${links.aliveAt} > ${leaseExpiredBefore(page.now)} THEN 'downloading'
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
