import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import type { Role } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { type Actor, underStanding } from './authorized-transaction.ts';
import { LONGEST_TOKEN_MS, type Minted, mintToken, type NewToken } from './tokens.ts';

export interface MemberRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly addedAt: Date;
}
export interface NewMember {
  readonly project: string;
  readonly name: string;
  readonly role: Role;
  readonly actor: string;
  readonly at: Date;
}
export interface AddedMember extends Minted {
  readonly memberId: string;
}
export interface MemberWithToken extends AddedMember {
  /** False: the member was there before. */
  readonly added: boolean;
}

/** With a first token, for nobody could call without one. Throws `member_exists`. */
export const addMember = (
  database: Database,
  actor: Actor,
  { name, role, at }: Pick<NewMember, 'name' | 'role' | 'at'>,
): Promise<AddedMember> =>
  underStanding(database, actor, (tx) =>
    insertMember(tx, { project: actor.project, name, role, actor: actor.memberId, at }),
  );

async function insertMember(tx: Transaction, member: NewMember): Promise<AddedMember> {
  const { project, name, role, actor, at } = member;
  const memberId = newId('member', at.getTime());
  const added = await tx`INSERT INTO lethe.members (id, project, name, role, added_at, added_by)
    VALUES (${memberId}, ${project}, ${name}, ${role}, ${at}, ${actor}) ON CONFLICT DO NOTHING`;
  if (added.count === 0) throw new DomainError('member_exists', 'the project has a member of this name');
  const detail = { member: memberId, role };
  await recordAudit(tx, { at, project, requestId: null, actor, action: 'member.added', detail });
  return { memberId, ...(await mintToken(tx, wholeToken(member, memberId, role, 'first'))) };
}

/** As long and as much as a token may. */
const wholeToken = ({ project, actor, at }: NewMember, memberId: string, role: Role, name: string): NewToken => {
  const expiresAt = new Date(at.getTime() + LONGEST_TOKEN_MS);
  return { project, memberId, name, role, kinds: null, readOnly: false, expiresAt, actor, at };
};

/**
 * For whoever operates the database: a member, or for one that exists another token, as when the last one was lost.
 * A role that is null is that of the member, or owner for the first of a project. Throws `member_exists` where the
 * member has another role, and `invalid_request` where nobody says which.
 */
export const memberWithToken = (
  database: Database,
  member: Omit<NewMember, 'role'> & { readonly role: Role | null },
): Promise<MemberWithToken> =>
  withProjectLock(database, member.project, async (tx) => {
    const { project, name } = member;
    const members = await tx<Pick<MemberRow, 'id' | 'name' | 'role'>[]>`
      SELECT id, name, role FROM lethe.members WHERE project = ${project} AND removed_at IS NULL`;
    const known = members.find((one) => one.name === name);
    const role = member.role ?? known?.role ?? (members.length === 0 ? 'owner' : null);
    if (role === null) throw new DomainError('invalid_request', 'a further member needs a role: owner or admin');
    if (known === undefined) return { added: true, ...(await insertMember(tx, { ...member, role })) };
    if (known.role !== role) throw new DomainError('member_exists', `the member of this name is an ${known.role}`);
    const token = await mintToken(tx, wholeToken({ ...member, role }, known.id, role, 'another'));
    return { added: false, memberId: known.id, ...token };
  });

/** Newest first; who was removed is none. */
export const listMembers = (
  queries: Queries,
  page: { readonly project: string; readonly after: string | null; readonly limit: number },
): Promise<readonly MemberRow[]> => queries<MemberRow[]>`
  SELECT id, name, role, added_at FROM lethe.members
  WHERE project = ${page.project} AND removed_at IS NULL
    AND ${page.after === null ? queries`true` : queries`id < ${page.after}`}
  ORDER BY id DESC LIMIT ${page.limit}`;

export async function isMember(queries: Queries, project: string, id: string): Promise<boolean> {
  const found = await queries`
    SELECT FROM lethe.members WHERE id = ${id} AND project = ${project} AND removed_at IS NULL`;
  return found.length === 1;
}
