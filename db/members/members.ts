import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import type { Role } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { links } from '../schema/exports.ts';
import { members, tokens } from '../schema/members.ts';
import { withActiveToken } from './authorized-transaction.ts';
import { type CreatedToken, createToken, latestExpiry, type NewToken } from './tokens.ts';
import { type Authority, requireAuthority } from './authority.ts';

/** A member as callers see it. */
export type MemberRow = Readonly<Pick<typeof members.$inferSelect, 'id' | 'name' | 'role' | 'addedAt'>>;
/** A member to add. */
export interface NewMember extends Pick<MemberRow, 'name' | 'role'> {
  readonly project: string;
  readonly actor: string;
  /** The token of the call. Null for the operator of the database. */
  readonly mintedBy: string | null;
  readonly expiryLimit: Date | null;
  readonly at: Date;
}
/** An added member with its first token. */
export interface AddedMember extends CreatedToken {
  readonly memberId: string;
}
/** A new or existing member with a new token. */
export interface MemberWithToken extends AddedMember {
  /** False if the member existed before. */
  readonly added: boolean;
}

/** Adds a member with its first token. Throws `member_exists`. */
export const addMember = (
  database: Queries,
  actor: Authority,
  { name, role, at }: Pick<NewMember, 'name' | 'role' | 'at'>,
): Promise<AddedMember> =>
  withActiveToken(database, actor, (tx) =>
    insertMember(tx, {
      project: actor.project,
      name,
      role,
      actor: actor.memberId,
      mintedBy: actor.tokenId,
      expiryLimit: actor.expiryLimit,
      at,
    }),
  );

async function insertMember(tx: Transaction, member: NewMember): Promise<AddedMember> {
  const { project, name, role, actor, at } = member;
  const memberId = newId('member', at.getTime());
  const added = await tx
    .insert(members)
    .values({ id: memberId, project, name, role, addedAt: at, addedBy: actor })
    .onConflictDoNothing();
  if (added.count === 0)
    throw new DomainError(
      'member_exists',
      'The project already has a member with this name. Nothing was changed; choose another `name`.',
    );
  const detail = { member: memberId, role };
  await recordAudit(tx, { at, project, requestId: null, actor, action: 'member.added', detail });
  return { memberId, ...(await createToken(tx, unrestrictedToken(member, memberId, role, 'first'))) };
}

/** A token with the longest lifetime and all rights of the role. */
const unrestrictedToken = (member: NewMember, memberId: string, role: Role, name: string): NewToken => {
  const { project, actor, mintedBy, expiryLimit, at } = member;
  const expiresAt = latestExpiry(expiryLimit, at);
  return { project, memberId, name, role, kinds: null, readOnly: false, expiresAt, actor, mintedBy, at };
};

/**
 * Adds a member, or another token of an existing member. Only the operator of the database calls it. A null role is the
 * role of the existing member, or `owner` for the first member of a project. Throws `member_exists` if the member has
 * another role, and `invalid_request` for a null role if the project has only other members.
 */
export const addMemberOrToken = (
  database: Database,
  added: Omit<NewMember, 'role' | 'mintedBy' | 'expiryLimit'> & { readonly role: Role | null },
): Promise<MemberWithToken> =>
  withProjectLock(database, added.project, async (tx) => {
    const member = { ...added, mintedBy: null, expiryLimit: null };
    const { project, name } = member;
    const existing = await tx
      .select({ id: members.id, name: members.name, role: members.role })
      .from(members)
      .where(and(eq(members.project, project), isNull(members.removedAt)));
    const sameName = existing.find((row) => row.name === name);
    const role = member.role ?? sameName?.role ?? (existing.length === 0 ? 'owner' : null);
    if (role === null)
      throw new DomainError('invalid_request', 'The project has members. Give a role: owner or admin.');
    if (sameName === undefined) return { added: true, ...(await insertMember(tx, { ...member, role })) };
    if (sameName.role !== role)
      throw new DomainError('member_exists', `The member with this name has the role ${sameName.role}.`);
    const token = await createToken(tx, unrestrictedToken({ ...member, role }, sameName.id, role, 'another'));
    return { added: false, memberId: sameName.id, ...token };
  });

/** Lists members, newest first, without removed ones. */
export const listMembers = async (
  queries: Queries,
  page: { readonly project: string; readonly after: string | null; readonly limit: number },
): Promise<readonly MemberRow[]> =>
  queries
    .select({ id: members.id, name: members.name, role: members.role, addedAt: members.addedAt })
    .from(members)
    .where(
      and(
        eq(members.project, page.project),
        isNull(members.removedAt),
        page.after === null ? undefined : lt(members.id, page.after),
      ),
    )
    .orderBy(desc(members.id))
    .limit(page.limit);

/** Whether the project has a member with this id that is not removed. */
export async function isMember(queries: Queries, project: string, id: string): Promise<boolean> {
  const found = await queries
    .select({ id: members.id })
    .from(members)
    .where(and(eq(members.id, id), eq(members.project, project), isNull(members.removedAt)));
  return found.length === 1;
}

/**
 * Removes a member, and revokes its tokens and its unused links. Throws `member_not_found`, `last_owner`, or `forbidden` if
 * the caller could not create one of the tokens.
 */
export const removeMember = (
  database: Database,
  actor: Authority,
  { id, at }: { readonly id: string; readonly at: Date },
): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    const { project, memberId } = actor;
    const [found] = await tx.execute<{ lastOwner: boolean }>(sql`
      SELECT role = 'owner' AND NOT EXISTS (
        SELECT FROM ${members} other
        WHERE other.project = ${project} AND other.role = 'owner' AND other.removed_at IS NULL AND other.id <> member.id
      ) AS last_owner
      FROM ${members} member WHERE id = ${id} AND project = ${project} AND removed_at IS NULL`);
    if (found === undefined)
      throw new DomainError(
        'member_not_found',
        'The project has no member with this id. Nothing was changed; check the id.',
      );
    if (found.lastOwner)
      throw new DomainError(
        'last_owner',
        'The member is the last owner of the project. Nothing was changed; add another owner first.',
      );
    const owned = await tx
      .select()
      .from(tokens)
      .where(and(eq(tokens.memberId, id), isNull(tokens.revokedAt)));
    requireAuthority(actor, owned, at);
    await tx.update(members).set({ removedAt: at }).where(eq(members.id, id));
    const revokedTokens = await tx
      .update(tokens)
      .set({ revokedAt: at, revokedBy: memberId })
      .where(and(eq(tokens.memberId, id), isNull(tokens.revokedAt)));
    const revokedLinks = await tx
      .update(links)
      .set({ revokedAt: at, revokedBy: memberId })
      .where(and(eq(links.createdBy, id), isNull(links.revokedAt), isNull(links.usedAt)));
    const detail = { member: id, tokens: revokedTokens.count, links: revokedLinks.count };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'member.removed', detail });
  });
