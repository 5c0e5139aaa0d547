import { sql } from 'drizzle-orm';
import { DEFAULT_CALLS_PER_MINUTE } from '../../domain/policy.ts';
import type { RequestKind, Role } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';
import { members, tokens } from '../schema/members.ts';
import { slots } from '../schema/projects.ts';
import { intArray, textArray } from '../sql.ts';
import type { Actor } from './authorized-transaction.ts';

/** The member that makes a call, and the rights of its token. */
export interface Caller extends Actor {
  /** The lower of the member's role and the token's role. */
  readonly role: Role;
  /** The request kinds that the token is limited to. Null for all kinds. */
  readonly kinds: readonly RequestKind[] | null;
  readonly readOnly: boolean;
  /** The latest expiry of a token that the caller can create or revoke: its own. Null for the token of an interactive owner. */
  readonly expiryLimit: Date | null;
}

/** A caller, with the state of its token and of its rate limit. */
export interface Authenticated extends Caller {
  readonly expired: boolean;
  readonly revoked: boolean;
  readonly perMinute: number;
  /** False if the rate limit was exceeded, and the call consumed nothing of it. */
  readonly isAllowed: boolean;
  /** The share of a minute that one call consumes, in microseconds. */
  readonly costUs: number;
  /** How much of the limit is used, in microseconds. */
  readonly usedUs: number;
}

/**
 * An unlimited owner's token that the operator of the database created for a person. Tokens that other tokens created are for
 * programs, and cannot extend their own life.
 */
const isInteractiveOwner = sql`member.role = 'owner' AND token.role = 'owner' AND token.minted_by IS NULL AND token.kinds IS NULL
  AND NOT token.read_only`;

/** The rate limit of a project's tokens. */
interface Budget {
  readonly project: string;
  readonly perMinute: number;
}

/**
 * Finds the token of a call, books the call against its rate limit and stores its use, at most once a minute, in one
 * statement. Null if the token is unknown.
 */
export async function authenticate(
  database: Database,
  call: { readonly sha256: Buffer; readonly at: Date; readonly budgets: readonly Budget[] },
): Promise<Authenticated | null> {
  const { sha256, at, budgets } = call;
  const limit = sql`(SELECT cost * per_minute FROM found)`;
  // Each call moves the slot ahead by its cost. A slot further ahead than the limit and clock skew allow was set by a
  // wrong clock, and is ignored.
  const isPlausible = sql`slot.next_at <= ${at}::timestamptz + ${limit} + interval '1 minute'`;
  const nextAt = sql`greatest(CASE WHEN ${isPlausible} THEN slot.next_at END, ${at}) + (SELECT cost FROM found)`;
  const [row] = await database.execute<Authenticated>(sql`
    WITH found AS (
      SELECT member.id AS member_id, token.id AS token_id, member.project, token.kinds, token.read_only, per_minute, cost,
             CASE WHEN NOT (${isInteractiveOwner}) THEN expires_at END AS expiry_limit,
             CASE WHEN member.role = 'owner' THEN token.role ELSE 'admin' END AS role,
             expires_at <= ${at} AS expired, revoked_at IS NOT NULL OR removed_at IS NOT NULL AS revoked
      FROM ${tokens} token JOIN ${members} member ON member.id = token.member_id
      LEFT JOIN unnest(${textArray(budgets.map(({ project }) => project))}, ${intArray(budgets.map(({ perMinute }) => perMinute))})
           AS budget (project, calls) ON budget.project = member.project,
           coalesce(budget.calls, ${DEFAULT_CALLS_PER_MINUTE}) AS per_minute,
           greatest(interval '1 minute' / per_minute, interval '1 microsecond') AS cost
      WHERE sha256 = ${sha256}),
    used AS (
      UPDATE ${tokens} SET last_used_at = ${at} FROM found
      WHERE tokens.id = token_id AND NOT expired AND NOT revoked
        AND coalesce(tokens.last_used_at <= ${at}::timestamptz - interval '1 minute', true)),
    slot AS (
      INSERT INTO ${slots} AS slot (name, next_at)
      SELECT 'token/' || token_id, ${at}::timestamptz + cost FROM found WHERE NOT expired AND NOT revoked
      ON CONFLICT (name) DO UPDATE SET next_at = ${nextAt} WHERE ${nextAt} <= ${at}::timestamptz + ${limit}
      RETURNING next_at)
    SELECT member_id, token_id, project, kinds, read_only, role, expiry_limit, expired, revoked, per_minute, EXISTS (SELECT FROM slot) AS is_allowed,
           (extract(epoch FROM cost) * 1e6)::bigint AS cost_us,
           (extract(epoch FROM coalesce((SELECT next_at FROM slot), (SELECT next_at FROM ${slots} WHERE name = 'token/' || token_id), ${at}) - ${at}) * 1e6)::bigint AS used_us
    FROM found`);
  return row ?? null;
}
