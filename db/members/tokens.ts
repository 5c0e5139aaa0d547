import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { and, desc, eq, getColumns, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { DAY_MS } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { members, tokens } from '../schema/members.ts';
import { type Authority, requireAuthority } from './authority.ts';
import { withActiveToken } from './authorized-transaction.ts';

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
  /** The token of the call. Null for the operator of the database. */
  readonly mintedBy: string | null;
  readonly at: Date;
}
/** A created token. `token` is not stored, and only the response to its creation contains it. */
export interface CreatedToken extends Rights {
  readonly tokenId: string;
  readonly mintedBy: string | null;
  readonly token: string;
}
/** A token as callers see it, without its text and digest. */
export type TokenRow = Rights &
  Readonly<Pick<Row, 'id' | 'memberId' | 'mintedBy' | 'createdAt' | 'lastUsedAt' | 'revokedAt'>>;

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
  const { project, memberId, name, role, kinds, readOnly, expiresAt, actor, mintedBy, at } = token;
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
    mintedBy,
    expiresAt,
  });
  const detail = { member: memberId, token: tokenId, role, kinds: kinds?.join(',') ?? null, readOnly, mintedBy };
  await recordAudit(tx, { at, project, requestId: null, actor, action: 'token.minted', detail });
  return { tokenId, mintedBy, token: text, name, role, kinds, readOnly, expiresAt };
}

/** Creates another token for the calling member. */
export const createOwnToken = (database: Queries, caller: Authority, rights: Rights, at: Date): Promise<CreatedToken> =>
  withActiveToken(database, caller, (tx) => {
    const { project, memberId, tokenId } = caller;
    return createToken(tx, { ...rights, project, memberId, actor: memberId, mintedBy: tokenId, at });
  });

/** The latest expiry of a new token: within a year, and not after that of the token that creates it. */
export function latestExpiry(limit: Date | null, at: Date): Date {
  const longest = new Date(at.getTime() + LONGEST_TOKEN_MS);
  return limit !== null && limit < longest ? limit : longest;
}

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
      mintedBy: tokens.mintedBy,
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

/** The ids of a token and of every token that descends from it. */
const idsOfFamily = (id: string): SQL => sql`(
  WITH RECURSIVE family AS (
    SELECT id FROM ${tokens} WHERE id = ${id}
    UNION SELECT child.id FROM ${tokens} child JOIN family ON child.minted_by = family.id)
  SELECT id FROM family)`;

/** What a revocation did. */
export interface Revocation {
  /** The revoked tokens, without those that were revoked before. */
  readonly revoked: number;
  /** Tokens that the token or one of its descendants created, and that are still valid. */
  readonly activeDescendants: number;
}

/**
 * Revokes a token of the caller, or with `anyMember` of the project, and with `descendants` every token that descends from
 * it. Idempotent. Throws `token_not_found`, or `forbidden` for a token that the caller could not create.
 */
export const revokeToken = (
  database: Database,
  caller: Authority,
  revocation: { readonly id: string; readonly anyMember: boolean; readonly descendants: boolean; readonly at: Date },
): Promise<Revocation> =>
  withActiveToken(database, caller, async (tx) => {
    const { id, anyMember, descendants, at } = revocation;
    const { project, memberId } = caller;
    const [found] = await tx
      .select(getColumns(tokens))
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
    const inFamily = inArray(tokens.id, idsOfFamily(id));
    const family = await tx.select().from(tokens).where(inFamily);
    const targets = descendants ? family : [found];
    requireAuthority(
      caller,
      targets.filter((token) => token.revokedAt === null),
      at,
    );
    const revoked = await tx
      .update(tokens)
      .set({ revokedAt: at, revokedBy: memberId })
      .where(and(descendants ? inFamily : eq(tokens.id, id), isNull(tokens.revokedAt)))
      .returning({ id: tokens.id });
    const isRevoked = new Set(revoked.map((token) => token.id));
    const activeDescendants = family.filter(
      (token) => token.id !== id && token.revokedAt === null && token.expiresAt > at && !isRevoked.has(token.id),
    ).length;
    if (revoked.length > 0) {
      const detail = {
        member: found.memberId,
        token: id,
        descendants: revoked.filter((token) => token.id !== id).length,
      };
      await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'token.revoked', detail });
    }
    return { revoked: revoked.length, activeDescendants };
  });
