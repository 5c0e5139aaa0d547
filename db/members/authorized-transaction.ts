import { DomainError } from '../../domain/errors.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';

/** Who changes something about who may call, or confirms what others asked for, and by which token. */
export interface Actor {
  readonly project: string;
  readonly memberId: string;
  readonly tokenId: string;
}

/**
 * Under the project's lock: whoever was removed, or whose token was revoked, while the call was on its way changes
 * nothing any more. Of two owners who remove each other, one stays.
 */
export const underStanding = <T>(
  database: Database,
  { project, tokenId }: Actor,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> =>
  withProjectLock(database, project, async (tx) => {
    const standing = await tx`SELECT FROM lethe.tokens token JOIN lethe.members member ON member.id = member_id
      WHERE token.id = ${tokenId} AND revoked_at IS NULL AND removed_at IS NULL`;
    if (standing.length === 0) throw new DomainError('unauthorized', 'the bearer token is revoked');
    return work(tx);
  });
