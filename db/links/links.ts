import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { LONGEST_LINK_MS } from '../../domain/policy.ts';
import type { LinkState } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { linkDigest, newLinkToken } from './link-text.ts';
import { silentSince } from './transfers.ts';
import { transaction } from '../transaction.ts';

export interface NewLink {
  readonly requestId: string;
  /** A member's id, or `lethe`. */
  readonly createdBy: string;
  /** At most so long; null: as long as a link may work. Never longer than the archive is there. */
  readonly expiresAt: Date | null;
  readonly at: Date;
}
/** `token` is in no table: whoever asked for it sees it now or never. */
export interface MadeLink {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: Date;
}
export interface LinkRow {
  readonly id: string;
  readonly state: LinkState;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly usedAt: Date | null;
}

/** For one download of an archive that is ready. Throws `archive_not_ready`. */
export async function makeLink(tx: Transaction, link: NewLink): Promise<MadeLink> {
  const { requestId, createdBy, expiresAt, at } = link;
  const id = newId('link', at.getTime());
  const token = newLinkToken();
  const latest = new Date(Math.min(at.getTime() + LONGEST_LINK_MS, expiresAt?.getTime() ?? Infinity));
  const [made] = await tx<{ project: string; expiresAt: Date }[]>`
    WITH archive AS (
      SELECT request_id, least(expires_at, ${latest}) AS expires_at FROM lethe.archives
      WHERE request_id = ${requestId} AND destroyed_at IS NULL AND expires_at > ${at}),
    link AS (
      INSERT INTO lethe.links (id, request_id, sha256, created_at, created_by, expires_at)
      SELECT ${id}, request_id, ${linkDigest(token)}, ${at}, ${createdBy}, expires_at FROM archive
      RETURNING request_id, expires_at)
    SELECT project, link.expires_at FROM link JOIN lethe.requests ON requests.id = link.request_id`;
  if (made === undefined) throw new DomainError('archive_not_ready', 'there is no archive that could be downloaded');
  const { project } = made;
  await recordAudit(tx, { at, project, requestId, actor: createdBy, action: 'link.made', detail: { link: id } });
  return { id, token, expiresAt: made.expiresAt };
}

/** Newest first, those that have ended included; never the token or its digest. */
export const listLinks = (
  queries: Queries,
  page: { readonly requestId: string; readonly after: string | null; readonly limit: number; readonly now: Date },
): Promise<readonly LinkRow[]> => queries<LinkRow[]>`
  SELECT id, link.created_at, created_by, link.expires_at, revoked_at, used_at,
         CASE WHEN used_at IS NOT NULL THEN 'used'
              WHEN revoked_at IS NOT NULL THEN 'revoked'
              WHEN archive.destroyed_at IS NOT NULL OR link.expires_at <= ${page.now} THEN 'expired'
              WHEN alive_at > ${silentSince(page.now)} THEN 'downloading'
              ELSE 'open' END AS state
  FROM lethe.links link JOIN lethe.archives archive USING (request_id)
  WHERE request_id = ${page.requestId} AND ${page.after === null ? queries`true` : queries`id < ${page.after}`}
  ORDER BY id DESC LIMIT ${page.limit}`;

/** Ends it, and the transfer that is under way with it. Twice is as once. Throws `link_not_found`. */
export const revokeLink = (
  database: Database,
  revocation: { readonly requestId: string; readonly id: string; readonly actor: string; readonly at: Date },
): Promise<void> =>
  transaction(database, async (tx) => {
    const { requestId, id, actor, at } = revocation;
    const [link] = await tx<{ project: string }[]>`
      SELECT project FROM lethe.links JOIN lethe.requests ON requests.id = request_id
      WHERE links.id = ${id} AND request_id = ${requestId}`;
    if (link === undefined) throw new DomainError('link_not_found', 'there is no such link');
    const revoked = await tx`UPDATE lethe.links SET revoked_at = ${at}, revoked_by = ${actor}
      WHERE id = ${id} AND revoked_at IS NULL AND used_at IS NULL`;
    if (revoked.count === 0) return;
    const { project } = link;
    await recordAudit(tx, { at, project, requestId, actor, action: 'link.revoked', detail: { link: id } });
  });
