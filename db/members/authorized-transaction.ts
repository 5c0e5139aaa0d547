import { and, eq, isNull, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { members, tokens } from '../schema/members.ts';

/** The member that makes a change, and its token. */
export interface Actor {
  readonly project: string;
  readonly memberId: string;
  readonly tokenId: string;
}

/**
 * Runs `work` under the project lock. Throws `unauthorized` if the member was removed or the token revoked during the
 * call, so that two owners cannot remove each other concurrently.
 */
export const withActiveToken = <T>(
  database: Queries,
  { project, tokenId }: Actor,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> =>
  withProjectLock(database, project, async (tx) => {
    const active = await tx
      .select({ found: sql`1` })
      .from(tokens)
      .innerJoin(members, eq(members.id, tokens.memberId))
      .where(and(eq(tokens.id, tokenId), isNull(tokens.revokedAt), isNull(members.removedAt)));
    if (active.length === 0)
      throw new DomainError('unauthorized', 'The bearer token is revoked. Use another token of the member.');
    return work(tx);
  });
