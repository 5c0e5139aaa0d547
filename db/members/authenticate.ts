import { sql } from 'drizzle-orm';
import { DEFAULT_CALLS_PER_MINUTE } from '../../domain/policy.ts';
import type { RequestKind, Role } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';
import { members, tokens } from '../schema/members.ts';
import { slots } from '../schema/projects.ts';
import { intArray, textArray } from '../sql.ts';
import type { Actor } from './authorized-transaction.ts';

/** The member of a call, under whom its changes are recorded, and what its token allows. */
export interface Caller extends Actor {
  readonly role: Role;
  /** Null: all request kinds. */
  readonly kinds: readonly RequestKind[] | null;
  readonly readOnly: boolean;
}

/** A caller with the state of its token and of its rate limit. */
export interface Authenticated extends Caller {
  readonly expired: boolean;
  readonly revoked: boolean;
  readonly perMinute: number;
  /** False: the budget was spent, and the call took nothing of it. */
  readonly taken: boolean;
  /** One call's part of a minute, and how far ahead of now the budget is used: microseconds. */
  readonly partUs: number;
  readonly aheadUs: number;
}

interface Budget {
  readonly project: string;
  readonly perMinute: number;
}

/**
 * One statement per call: finds the token, takes its next slot, and marks its use at most once a minute. Null if there
 * is no such token. A call moves the token's slot by one part of its minute, at most one whole budget ahead. A slot
 * further ahead than clock skew between processes explains was set by a clock that has since been set back.
 */
export async function authenticate(
  database: Database,
  call: { readonly sha256: Buffer; readonly at: Date; readonly budgets: readonly Budget[] },
): Promise<Authenticated | null> {
  const { sha256, at, budgets } = call;
  const whole = sql`(SELECT part * per_minute FROM found)`;
  const known = sql`slot.next_at <= ${at}::timestamptz + ${whole} + interval '1 minute'`;
  const moved = sql`greatest(CASE WHEN ${known} THEN slot.next_at END, ${at}) + (SELECT part FROM found)`;
  const [row] = await database.execute<Authenticated>(sql`
    WITH found AS (
      SELECT member.id AS member_id, token.id AS token_id, member.project, token.kinds, token.read_only, per_minute, part,
             CASE WHEN member.role = 'owner' THEN token.role ELSE 'admin' END AS role,
             expires_at <= ${at} AS expired, revoked_at IS NOT NULL OR removed_at IS NOT NULL AS revoked
      FROM ${tokens} token JOIN ${members} member ON member.id = token.member_id
      LEFT JOIN unnest(${textArray(budgets.map((one) => one.project))}, ${intArray(budgets.map((one) => one.perMinute))})
           AS budget (project, calls) ON budget.project = member.project,
           coalesce(budget.calls, ${DEFAULT_CALLS_PER_MINUTE}) AS per_minute,
           greatest(interval '1 minute' / per_minute, interval '1 microsecond') AS part
      WHERE sha256 = ${sha256}),
    used AS (
      UPDATE ${tokens} SET last_used_at = ${at} FROM found
      WHERE tokens.id = token_id AND NOT expired AND NOT revoked
        AND coalesce(tokens.last_used_at <= ${at}::timestamptz - interval '1 minute', true)),
    slot AS (
      INSERT INTO ${slots} AS slot (name, next_at)
      SELECT 'token/' || token_id, ${at}::timestamptz + part FROM found WHERE NOT expired AND NOT revoked
      ON CONFLICT (name) DO UPDATE SET next_at = ${moved} WHERE ${moved} <= ${at}::timestamptz + ${whole}
      RETURNING next_at)
    SELECT member_id, token_id, project, kinds, read_only, role, expired, revoked, per_minute, EXISTS (SELECT FROM slot) AS taken,
           (extract(epoch FROM part) * 1e6)::bigint AS part_us,
           (extract(epoch FROM coalesce((SELECT next_at FROM slot), (SELECT next_at FROM ${slots} WHERE name = 'token/' || token_id), ${at}) - ${at}) * 1e6)::bigint AS ahead_us
    FROM found`);
  return row ?? null;
}
