import type { MiddlewareHandler } from 'hono';
import { authenticate, type Authenticated, type Caller } from '../db/members/authenticate.ts';
import { tokenDigest } from '../db/members/tokens.ts';
import { DomainError } from '../domain/errors.ts';
import type { RequestKind, Role } from '../domain/vocabulary.ts';
import type { ApiDeps, AppEnv } from './deps.ts';
import { setRateLimitHeaders } from './http/rate-limit-headers.ts';

/** Whose call it is. One statement; a mistyped token costs none. */
export const authenticated = (deps: ApiDeps): MiddlewareHandler<AppEnv> => {
  const budgets = [...deps.catalog.values()].map(({ name, policy }) => ({
    project: name,
    perMinute: policy.callsPerMinute,
  }));
  return async function authenticated(c, next) {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];
    if (given === undefined) throw unauthorized('the header Authorization has no bearer token');
    const sha256 = tokenDigest(given);
    if (sha256 === null) throw unauthorized('the bearer token is mistyped or none of ours');
    const at = deps.now();
    const found = await authenticate(deps.database, { sha256, at, budgets });
    if (found === null) throw unauthorized('the bearer token is unknown');
    if (found.revoked) throw unauthorized('the bearer token is revoked');
    if (found.expired) throw unauthorized('the bearer token has expired');
    c.set('caller', callerOf(found));
    setRateLimitHeaders(c, found);
    await next();
  };
};

const unauthorized = (detail: string): DomainError => new DomainError('unauthorized', detail);

const callerOf = ({ memberId, tokenId, project, role, kinds, readOnly }: Authenticated): Caller => ({
  memberId,
  tokenId,
  project,
  role,
  kinds,
  readOnly,
});

/** What a route requires of the token. */
export interface Permission {
  readonly access: 'read' | 'write';
  /** Of a route that concerns requests of one kind. */
  readonly kind?: RequestKind;
  readonly role?: Role;
}

/** Everything that a caller's token lacks. */
export function missingPermissions(caller: Caller, { access, kind, role }: Permission): readonly string[] {
  return [
    ...(access === 'write' && caller.readOnly ? ['write'] : []),
    ...(kind !== undefined && caller.kinds !== null && !caller.kinds.includes(kind) ? [kind] : []),
    ...(role === 'owner' && caller.role !== 'owner' ? ['owner'] : []),
  ];
}

export function requireAccess(caller: Caller, ...needs: readonly Permission[]): void {
  const missing = [...new Set(needs.flatMap((one) => missingPermissions(caller, one)))];
  if (missing.length > 0) throw new DomainError('forbidden', `needs ${missing.join(', ')}`, { needs: missing });
}

/** For a route: throws `forbidden`, and names the permission in the document (OpenAPI 3.1 takes roles as scopes of any scheme). */
export const requirePermission = (needs: Permission) => ({
  security: [{ token: [needs.access, needs.kind, needs.role].filter((one) => one !== undefined) }],
  middleware: async function permitted(c, next) {
    requireAccess(c.get('caller'), needs);
    await next();
  } satisfies MiddlewareHandler<AppEnv>,
});
