import { DomainError } from '../../domain/errors.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { type Actor, underStanding } from './authorized-transaction.ts';

/**
 * Every token of the member ends with it, at once, and every link that it made and nobody has used. Throws
 * `member_not_found`, or `last_owner`.
 */
export const removeMember = (
  database: Database,
  actor: Actor,
  { id, at }: { readonly id: string; readonly at: Date },
): Promise<void> =>
  underStanding(database, actor, async (tx) => {
    const { project, memberId } = actor;
    const [found] = await tx<{ lastOwner: boolean }[]>`
      SELECT role = 'owner' AND NOT EXISTS (
        SELECT FROM lethe.members other
        WHERE other.project = ${project} AND other.role = 'owner' AND other.removed_at IS NULL AND other.id <> member.id
      ) AS last_owner
      FROM lethe.members member WHERE id = ${id} AND project = ${project} AND removed_at IS NULL`;
    if (found === undefined) throw new DomainError('member_not_found', 'there is no such member');
    if (found.lastOwner) throw new DomainError('last_owner', 'the project would be left without an owner');
    await tx`UPDATE lethe.members SET removed_at = ${at} WHERE id = ${id}`;
    const ended = await tx`
      UPDATE lethe.tokens SET revoked_at = ${at}, revoked_by = ${memberId} WHERE member_id = ${id} AND revoked_at IS NULL`;
    const links = await tx`UPDATE lethe.links SET revoked_at = ${at}, revoked_by = ${memberId}
      WHERE created_by = ${id} AND revoked_at IS NULL AND used_at IS NULL`;
    const detail = { member: id, tokens: ended.count, links: links.count };
    await recordAudit(tx, { at, project, requestId: null, actor: memberId, action: 'member.removed', detail });
  });
