import { and, eq, isNull, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { members, tokens } from '../schema/members.ts';

/** The member that makes a change, and the token it calls with. */
export interface Actor {
  readonly project: string;
  readonly memberId: string;
  readonly tokenId: string;
}

/**
 * Runs under the project lock. Throws `unauthorized` if the member was removed or the token revoked during the call: of
 * two owners who remove each other, one stays.
 */
export const withActiveToken = <T>(
  database: Database,
  { project, tokenId }: Actor,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> =>
  withProjectLock(database, project, async (tx) => {
    const active = await tx
      .select({ found: sql`1` })
      .from(tokens)
      .innerJoin(members, eq(members.id, tokens.memberId))
      .where(and(eq(tokens.id, tokenId), isNull(tokens.revokedAt), isNull(members.removedAt)));
    if (active.length === 0) throw new DomainError('unauthorized', 'the bearer token is revoked');
    return work(tx);
  });
