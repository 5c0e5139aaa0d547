import { DEFAULT_CALLS_PER_MINUTE } from '../domain/policy.ts';
import type { RequestKind, Role } from '../domain/vocabulary.ts';
import type { Database } from './client.ts';

/** Whose token a call came with, and what the call has left of its budget. */
export interface Authenticated {
  readonly memberId: string;
  readonly tokenId: string;
  readonly project: string;
  readonly role: Role;
  /** Null: all kinds of request. */
  readonly kinds: readonly RequestKind[] | null;
  readonly readOnly: boolean;
  readonly expired: boolean;
  readonly revoked: boolean;
  readonly perMinute: number;
  /** Null: the budget was spent, nothing was taken. Otherwise until when it is spoken for. */
  readonly takenUntil: Date | null;
  readonly spokenForUntil: Date;
}

export interface Budget {
  readonly project: string;
  readonly perMinute: number;
}

/**
 * One statement per call: whose token it is, its next slot (design §7: each call moves the token's slot on by a minute's
 * part, and none may be taken more than a minute ahead), and the mark of its use, at most one a minute.
 * `null`: there is no such token.
 */
export async function authenticate(
  database: Database,
  call: { readonly sha256: Buffer; readonly at: Date; readonly budgets: readonly Budget[] },
): Promise<Authenticated | null> {
  const { sha256, at, budgets } = call;
  // More than a minute ahead is nobody's budget but a clock that was set back.
  const free = database`greatest(CASE WHEN slot.next_at <= ${at}::timestamptz + interval '1 minute' THEN slot.next_at END, ${at})`;
  const [row] = await database<Authenticated[]>`
    WITH found AS (
      SELECT member.id AS member_id, token.id AS token_id, member.project, token.kinds, token.read_only, last_used_at,
             CASE WHEN member.role = 'owner' THEN token.role ELSE 'admin' END AS role,
             expires_at <= ${at} AS expired, revoked_at IS NOT NULL OR removed_at IS NOT NULL AS revoked,
             coalesce(budget.per_minute, ${DEFAULT_CALLS_PER_MINUTE}) AS per_minute
      FROM lethe.tokens token JOIN lethe.members member ON member.id = token.member_id
      LEFT JOIN unnest(${budgets.map((one) => one.project)}::text[], ${budgets.map((one) => one.perMinute)}::integer[])
           AS budget (project, per_minute) ON budget.project = member.project
      WHERE sha256 = ${sha256}),
    used AS (
      UPDATE lethe.tokens SET last_used_at = ${at} FROM found
      WHERE tokens.id = token_id AND NOT expired AND NOT revoked
        AND coalesce(found.last_used_at <= ${at}::timestamptz - interval '1 minute', true)),
    slot AS (
      INSERT INTO lethe.slots AS slot (name, next_at)
      SELECT 'token/' || token_id, ${at}::timestamptz + interval '1 minute' / per_minute FROM found WHERE NOT expired AND NOT revoked
      ON CONFLICT (name) DO UPDATE SET next_at = ${free} + (excluded.next_at - ${at})
        WHERE ${free} + (excluded.next_at - ${at}) <= ${at}::timestamptz + interval '1 minute'
      RETURNING next_at)
    SELECT found.*, (SELECT next_at FROM slot) AS taken_until,
           coalesce((SELECT next_at FROM slot), (SELECT next_at FROM lethe.slots WHERE name = 'token/' || token_id), ${at}) AS spoken_for_until
    FROM found`;
  return row ?? null;
}
