import { DAY_MS } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import type { RequestKind, Role } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { type Actor, underStanding } from './authorized-transaction.ts';
import { newTokenText, tokenDigest } from './token-text.ts';

/** At most, and by default (Mixpanel's rule: "The OAuth token has a one year expiry"). */
export const LONGEST_TOKEN_MS = 365 * DAY_MS;

/** What a token is for. */
export interface Rights {
  readonly name: string;
  readonly role: Role;
  /** Null: all kinds of request. */
  readonly kinds: readonly RequestKind[] | null;
  readonly readOnly: boolean;
  readonly expiresAt: Date;
}
export interface NewToken extends Rights {
  readonly project: string;
  readonly memberId: string;
  readonly actor: string;
  readonly at: Date;
}
/** `token` is in no table: whoever asked for it sees it now or never. */
export interface Minted extends Rights {
  readonly tokenId: string;
  readonly token: string;
}
export interface TokenRow extends Rights {
  readonly id: string;
  readonly memberId: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

export async function mintToken(tx: Transaction, token: NewToken): Promise<Minted> {
  const { project, memberId, name, role, kinds, readOnly, expiresAt, actor, at } = token;
  const tokenId = newId('token', at.getTime());
  const text = newTokenText();
  await tx`INSERT INTO lethe.tokens (id, member_id, name, sha256, role, kinds, read_only, created_at, created_by, expires_at)
    VALUES (${tokenId}, ${memberId}, ${name}, ${tokenDigest(text)}, ${role}, ${kinds as string[] | null}, ${readOnly}, ${at}, ${actor}, ${expiresAt})`;
  const detail = { member: memberId, token: tokenId, role, kinds: kinds?.join(',') ?? null, readOnly };
  await recordAudit(tx, { at, project, requestId: null, actor, action: 'token.minted', detail });
  return { tokenId, token: text, name, role, kinds, readOnly, expiresAt };
}

/** One more for whoever asks. */
export const mintOwnToken = (database: Database, actor: Actor, rights: Rights, at: Date): Promise<Minted> =>
  underStanding(database, actor, (tx) =>
    mintToken(tx, { ...rights, project: actor.project, memberId: actor.memberId, actor: actor.memberId, at }),
  );

/** Newest first, those that have ended included; never the token or its digest. `memberId` null: of every member. */
export const listTokens = (
  queries: Queries,
  page: {
    readonly project: string;
    readonly memberId: string | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<readonly TokenRow[]> => queries<TokenRow[]>`
  SELECT token.id, token.name, member_id, token.role, kinds, read_only, created_at, expires_at, last_used_at, revoked_at
  FROM lethe.tokens token JOIN lethe.members member ON member.id = member_id
  WHERE project = ${page.project} AND ${page.memberId === null ? queries`true` : queries`member_id = ${page.memberId}`}
    AND ${page.after === null ? queries`true` : queries`token.id < ${page.after}`}
  ORDER BY token.id DESC LIMIT ${page.limit}`;

/** Twice is as once. `ofAll`: any of the project's, otherwise only the actor's own. Throws `token_not_found`. */
export const revokeToken = (
  database: Database,
  actor: Actor,
  revocation: { readonly id: string; readonly ofAll: boolean; readonly at: Date },
): Promise<void> =>
  underStanding(database, actor, async (tx) => {
    const { id, ofAll, at } = revocation;
    const { project, memberId } = actor;
    const [found] = await tx<{ memberId: string }[]>`
      SELECT member_id FROM lethe.tokens token JOIN lethe.members member ON member.id = member_id
      WHERE token.id = ${id} AND project = ${project} AND (${ofAll} OR member_id = ${memberId})`;
    if (found === undefined) throw new DomainError('token_not_found', 'there is no such token');
    const revoked = await tx`
      UPDATE lethe.tokens SET revoked_at = ${at}, revoked_by = ${memberId} WHERE id = ${id} AND revoked_at IS NULL`;
    if (revoked.count === 0) return;
    const detail = { member: found.memberId, token: id };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'token.revoked', detail });
  });
