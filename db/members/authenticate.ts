import { DEFAULT_CALLS_PER_MINUTE } from '../../domain/policy.ts';
import type { RequestKind, Role } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';

/** Whose token a call came with, by whom everything that it does is recorded. */
export interface Caller {
  readonly memberId: string;
  readonly tokenId: string;
  readonly project: string;
  readonly role: Role;
  /** Null: all kinds of request. */
  readonly kinds: readonly RequestKind[] | null;
  readonly readOnly: boolean;
}

/** And whether it still counts, and what the call has left of its budget. */
export interface Authenticated extends Caller {
  readonly expired: boolean;
  readonly revoked: boolean;
  readonly perMinute: number;
  /** False: the budget was spent, and the call took nothing of it. */
  readonly taken: boolean;
  /** One call's part of a minute, and how far ahead of now the budget is spoken for: microseconds. */
  readonly partUs: number;
  readonly aheadUs: number;
}

interface Budget {
  readonly project: string;
  readonly perMinute: number;
}

/**
 * One statement per call: whose token it is, its next slot, and the mark of its use, at most one a minute. `null`: there
 * is no such token. A call moves the token's slot on by one part of its minute, and none further ahead than a whole
 * budget. A slot that is ahead of what clocks of several processes explain was set by one that has since been set back.
 */
export async function authenticate(
  database: Database,
  call: { readonly sha256: Buffer; readonly at: Date; readonly budgets: readonly Budget[] },
): Promise<Authenticated | null> {
  const { sha256, at, budgets } = call;
  const whole = database`(SELECT part * per_minute FROM found)`;
  const known = database`slot.next_at <= ${at}::timestamptz + ${whole} + interval '1 minute'`;
  const moved = database`greatest(CASE WHEN ${known} THEN slot.next_at END, ${at}) + (SELECT part FROM found)`;
  const [row] = await database<Authenticated[]>`
    WITH found AS (
      SELECT member.id AS member_id, token.id AS token_id, member.project, token.kinds, token.read_only, per_minute, part,
             CASE WHEN member.role = 'owner' THEN token.role ELSE 'admin' END AS role,
             expires_at <= ${at} AS expired, revoked_at IS NOT NULL OR removed_at IS NOT NULL AS revoked
      FROM lethe.tokens token JOIN lethe.members member ON member.id = token.member_id
      LEFT JOIN unnest(${budgets.map((one) => one.project)}::text[], ${budgets.map((one) => one.perMinute)}::integer[])
           AS budget (project, calls) ON budget.project = member.project,
           coalesce(budget.calls, ${DEFAULT_CALLS_PER_MINUTE}) AS per_minute,
           greatest(interval '1 minute' / per_minute, interval '1 microsecond') AS part
      WHERE sha256 = ${sha256}),
    used AS (
      UPDATE lethe.tokens SET last_used_at = ${at} FROM found
      WHERE tokens.id = token_id AND NOT expired AND NOT revoked
        AND coalesce(tokens.last_used_at <= ${at}::timestamptz - interval '1 minute', true)),
    slot AS (
      INSERT INTO lethe.slots AS slot (name, next_at)
      SELECT 'token/' || token_id, ${at}::timestamptz + part FROM found WHERE NOT expired AND NOT revoked
      ON CONFLICT (name) DO UPDATE SET next_at = ${moved} WHERE ${moved} <= ${at}::timestamptz + ${whole}
      RETURNING next_at)
    SELECT member_id, token_id, project, kinds, read_only, role, expired, revoked, per_minute, EXISTS (SELECT FROM slot) AS taken,
           (extract(epoch FROM part) * 1e6)::bigint AS part_us,
           (extract(epoch FROM coalesce((SELECT next_at FROM slot), (SELECT next_at FROM lethe.slots WHERE name = 'token/' || token_id), ${at}) - ${at}) * 1e6)::bigint AS ahead_us
    FROM found`;
  return row ?? null;
}
