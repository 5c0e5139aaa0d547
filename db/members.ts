import { DomainError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { DAY_MS } from '../domain/calendar.ts';
import type { RequestKind, Role } from '../domain/vocabulary.ts';
import { recordAudit } from './audit.ts';
import type { Database, Transaction } from './client.ts';
import { underProjectLock } from './project-lock.ts';
import { newTokenText, tokenDigest } from './token-text.ts';

/** At most, and by default (Mixpanel's rule). */
export const LONGEST_TOKEN_MS = 365 * DAY_MS;

export interface NewMember {
  readonly project: string;
  readonly name: string;
  readonly role: Role;
  readonly actor: string;
  readonly at: Date;
}
export interface NewToken {
  readonly project: string;
  readonly memberId: string;
  readonly name: string;
  readonly role: Role;
  readonly kinds: readonly RequestKind[] | null;
  readonly readOnly: boolean;
  readonly expiresAt: Date;
  readonly actor: string;
  readonly at: Date;
}
/** `token` is in no table: whoever asked for it sees it now or never. */
export interface Minted {
  readonly tokenId: string;
  readonly token: string;
  readonly expiresAt: Date;
}

/** With a first token, for nobody could call without one. Throws `member_exists`. */
export async function addMember(
  database: Database,
  member: NewMember,
): Promise<Minted & { readonly memberId: string }> {
  const { project, name, role, actor, at } = member;
  return underProjectLock(database, project, async (tx) => {
    const memberId = newId('member', at.getTime());
    const added = await tx`INSERT INTO lethe.members (id, project, name, role, added_at, added_by)
      VALUES (${memberId}, ${project}, ${name}, ${role}, ${at}, ${actor}) ON CONFLICT DO NOTHING`;
    if (added.count === 0) throw new DomainError('member_exists', 'the project has a member of this name');
    const detail = { member: memberId, role };
    await recordAudit(tx, { at, project, requestId: null, actor, action: 'member.added', detail });
    const expiresAt = new Date(at.getTime() + LONGEST_TOKEN_MS);
    const first = { project, memberId, name: 'first', role, kinds: null, readOnly: false, expiresAt, actor, at };
    return { memberId, ...(await mintToken(tx, first)) };
  });
}

export async function mintToken(tx: Transaction, token: NewToken): Promise<Minted> {
  const { project, memberId, name, role, kinds, readOnly, expiresAt, actor, at } = token;
  const tokenId = newId('token', at.getTime());
  const text = newTokenText();
  await tx`INSERT INTO lethe.tokens (id, member_id, name, sha256, role, kinds, read_only, created_at, created_by, expires_at)
    VALUES (${tokenId}, ${memberId}, ${name}, ${tokenDigest(text)}, ${role}, ${kinds as string[] | null}, ${readOnly}, ${at}, ${actor}, ${expiresAt})`;
  const detail = { member: memberId, token: tokenId, role, kinds: kinds?.join(',') ?? null, readOnly };
  await recordAudit(tx, { at, project, requestId: null, actor, action: 'token.minted', detail });
  return { tokenId, token: text, expiresAt };
}

/**
 * For whoever operates the database: a member, or for one that exists another token, as when the last one was lost.
 * Throws `member_exists` where that member has another role.
 */
export async function memberWithToken(
  database: Database,
  member: NewMember,
): Promise<Minted & { readonly memberId: string; readonly added: boolean }> {
  const { project, name, role, actor, at } = member;
  const known = await underProjectLock(database, project, async (tx) => {
    const [row] = await tx<{ id: string; role: Role }[]>`
      SELECT id, role FROM lethe.members WHERE project = ${project} AND name = ${name} AND removed_at IS NULL`;
    if (row === undefined) return null;
    if (row.role !== role) throw new DomainError('member_exists', `the member of this name is an ${row.role}`);
    const expiresAt = new Date(at.getTime() + LONGEST_TOKEN_MS);
    const more = { kinds: null, readOnly: false, expiresAt, actor, at };
    return {
      memberId: row.id,
      added: false,
      ...(await mintToken(tx, { project, memberId: row.id, name: 'another', role, ...more })),
    };
  });
  return known ?? { added: true, ...(await addMember(database, member)) };
}
