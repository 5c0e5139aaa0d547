import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { DAY_MS } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { members, tokens } from '../schema/members.ts';
import { type Actor, withActiveToken } from './authorized-transaction.ts';

/** The maximum and default lifetime of a token, as in Mixpanel ("The OAuth token has a one year expiry"). */
export const LONGEST_TOKEN_MS = 365 * DAY_MS;

type Row = typeof tokens.$inferSelect;
/** The rights of a token. */
export interface Rights extends Readonly<Pick<Row, 'name' | 'role' | 'readOnly' | 'expiresAt'>> {
  /** The request kinds that the token is limited to. Null for all kinds. */
  readonly kinds: readonly RequestKind[] | null;
}
/** A token to create. */
export interface NewToken extends Rights {
  readonly project: string;
  readonly memberId: string;
  readonly actor: string;
  readonly at: Date;
}
/** A created token. `token` is not stored, and only the response to its creation contains it. */
export interface CreatedToken extends Rights {
  readonly tokenId: string;
  readonly token: string;
}
/** A token as callers see it, without its text and digest. */
export type TokenRow = Rights & Readonly<Pick<Row, 'id' | 'memberId' | 'createdAt' | 'lastUsedAt' | 'revokedAt'>>;

/**
 * `lethe_<random>_<checksum>`. Secret scanners find the prefix; the checksum detects a mistyped token without a query.
 */
const TOKEN = /^lethe_([0-9a-f]{64})_([0-9a-f]{8})$/;

const checksum = (random: string): string => crc32(`lethe_${random}`).toString(16).padStart(8, '0');
const sha256 = (token: string): Buffer => createHash('sha256').update(token).digest();

function newApiToken(): string {
  const random = randomBytes(32).toString('hex');
  return `lethe_${random}_${checksum(random)}`;
}

/** The stored SHA-256 of a token. Null for text that cannot be a token. */
export function tokenDigest(text: string): Buffer | null {
  const [, random, sum] = TOKEN.exec(text) ?? [];
  return random === undefined || sum !== checksum(random) ? null : sha256(text);
}

/** Creates a token and records it in the audit log. */
export async function createToken(tx: Transaction, token: NewToken): Promise<CreatedToken> {
  const { project, memberId, name, role, kinds, readOnly, expiresAt, actor, at } = token;
  const tokenId = newId('token', at.getTime());
  const text = newApiToken();
  await tx.insert(tokens).values({
    id: tokenId,
    memberId,
    name,
    sha256: sha256(text),
    role,
    kinds: kinds === null ? null : [...kinds],
    readOnly,
    createdAt: at,
    createdBy: actor,
    expiresAt,
  });
  const detail = { member: memberId, token: tokenId, role, kinds: kinds?.join(',') ?? null, readOnly };
  await recordAudit(tx, { at, project, requestId: null, actor, action: 'token.minted', detail });
  return { tokenId, token: text, name, role, kinds, readOnly, expiresAt };
}

/** Creates another token for the calling member. */
export const createOwnToken = (database: Database, actor: Actor, rights: Rights, at: Date): Promise<CreatedToken> =>
  withActiveToken(database, actor, (tx) =>
    createToken(tx, { ...rights, project: actor.project, memberId: actor.memberId, actor: actor.memberId, at }),
  );

/** Lists tokens, newest first, including expired and revoked ones. `memberId` is null for the tokens of all members. */
export const listTokens = async (
  queries: Queries,
  page: {
    readonly project: string;
    readonly memberId: string | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<readonly TokenRow[]> =>
  queries
    .select({
      id: tokens.id,
      name: tokens.name,
      memberId: tokens.memberId,
      role: tokens.role,
      kinds: tokens.kinds,
      readOnly: tokens.readOnly,
      createdAt: tokens.createdAt,
      expiresAt: tokens.expiresAt,
      lastUsedAt: tokens.lastUsedAt,
      revokedAt: tokens.revokedAt,
    })
    .from(tokens)
    .innerJoin(members, eq(members.id, tokens.memberId))
    .where(
      and(
        eq(members.project, page.project),
        page.memberId === null ? undefined : eq(tokens.memberId, page.memberId),
        page.after === null ? undefined : lt(tokens.id, page.after),
      ),
    )
    .orderBy(desc(tokens.id))
    .limit(page.limit);

/** Revokes a token of the actor, or with `anyMember` of the project. Idempotent. Throws `token_not_found`. */
export const revokeToken = (
  database: Database,
  actor: Actor,
  revocation: { readonly id: string; readonly anyMember: boolean; readonly at: Date },
): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    const { id, anyMember, at } = revocation;
    const { project, memberId } = actor;
    const [found] = await tx
      .select({ memberId: tokens.memberId })
      .from(tokens)
      .innerJoin(members, eq(members.id, tokens.memberId))
      .where(
        and(eq(tokens.id, id), eq(members.project, project), anyMember ? undefined : eq(tokens.memberId, memberId)),
      );
    if (found === undefined)
      throw new DomainError(
        'token_not_found',
        'No token with this id is accessible to the caller. Nothing was changed; check the id.',
      );
    const revoked = await tx
      .update(tokens)
      .set({ revokedAt: at, revokedBy: memberId })
      .where(and(eq(tokens.id, id), isNull(tokens.revokedAt)));
    if (revoked.count === 0) return;
    const detail = { member: found.memberId, token: id };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'token.revoked', detail });
  });
