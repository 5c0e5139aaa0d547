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

/** The maximum and the default (Mixpanel's rule: "The OAuth token has a one year expiry"). */
export const LONGEST_TOKEN_MS = 365 * DAY_MS;

type Row = typeof tokens.$inferSelect;
/** What a token allows. */
export interface Rights extends Readonly<Pick<Row, 'name' | 'role' | 'readOnly' | 'expiresAt'>> {
  /** Null: all request kinds. */
  readonly kinds: readonly RequestKind[] | null;
}
export interface NewToken extends Rights {
  readonly project: string;
  readonly memberId: string;
  readonly actor: string;
  readonly at: Date;
}
/** `token` is stored nowhere: the response to its creation is the only place that contains it. */
export interface CreatedToken extends Rights {
  readonly tokenId: string;
  readonly token: string;
}
export type TokenRow = Rights & Readonly<Pick<Row, 'id' | 'memberId' | 'createdAt' | 'lastUsedAt' | 'revokedAt'>>;

/** `lethe_<random>_<checksum>`: scanners find a leaked token by its prefix; the checksum detects a mistyped one without a query. */
const TOKEN = /^lethe_([0-9a-f]{64})_([0-9a-f]{8})$/;

const checksum = (random: string): string => crc32(`lethe_${random}`).toString(16).padStart(8, '0');
const sha256 = (token: string): Buffer => createHash('sha256').update(token).digest();

function newApiToken(): string {
  const random = randomBytes(32).toString('hex');
  return `lethe_${random}_${checksum(random)}`;
}

/** The SHA-256 that is stored. Null for text that cannot be a token. */
export function tokenDigest(text: string): Buffer | null {
  const [, random, sum] = TOKEN.exec(text) ?? [];
  return random === undefined || sum !== checksum(random) ? null : sha256(text);
}

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

/** Newest first, with expired and revoked tokens; never the token or its digest. `memberId` null: of every member. */
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

/** Idempotent. `ofAll`: any token of the project, otherwise only the actor's own. Throws `token_not_found`. */
export const revokeToken = (
  database: Database,
  actor: Actor,
  revocation: { readonly id: string; readonly ofAll: boolean; readonly at: Date },
): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    const { id, ofAll, at } = revocation;
    const { project, memberId } = actor;
    const [found] = await tx
      .select({ memberId: tokens.memberId })
      .from(tokens)
      .innerJoin(members, eq(members.id, tokens.memberId))
      .where(and(eq(tokens.id, id), eq(members.project, project), ofAll ? undefined : eq(tokens.memberId, memberId)));
    if (found === undefined) throw new DomainError('token_not_found', 'there is no such token');
    const revoked = await tx
      .update(tokens)
      .set({ revokedAt: at, revokedBy: memberId })
      .where(and(eq(tokens.id, id), isNull(tokens.revokedAt)));
    if (revoked.count === 0) return;
    const detail = { member: found.memberId, token: id };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'token.revoked', detail });
  });
