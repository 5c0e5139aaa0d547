import type { MiddlewareHandler } from 'hono';
import { authenticate, type Authenticated, type Caller } from '../db/members/authenticate.ts';
import { tokenDigest } from '../db/members/tokens.ts';
import { DomainError } from '../domain/errors.ts';
import type { RequestKind, Role } from '../domain/vocabulary.ts';
import type { ApiDeps, AppEnv } from './deps.ts';
import { setRateLimitHeaders } from './http/rate-limit-headers.ts';

/** Sets the caller and its rate limit by one statement; a malformed token needs none. Throws `unauthorized`. */
export const requireToken = (deps: ApiDeps): MiddlewareHandler<AppEnv> => {
  const budgets = [...deps.catalog.values()].map(({ name, policy }) => ({
    project: name,
    perMinute: policy.callsPerMinute,
  }));
  return async function requireToken(c, next) {
    const token = /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];
    if (token === undefined)
      throw unauthorized('The header Authorization has no bearer token. Send Authorization: Bearer lethe_….');
    const sha256 = tokenDigest(token);
    if (sha256 === null) throw unauthorized('The bearer token is unknown or malformed. Check that it is complete.');
    const at = deps.now();
    const found = await authenticate(deps.database, { sha256, at, budgets });
    if (found === null) throw unauthorized('The bearer token is unknown or malformed. Check that it is complete.');
    if (found.revoked) throw unauthorized('The bearer token is revoked. Use another token of the member.');
    if (found.expired)
      throw unauthorized('The bearer token has expired. Use another token of the member, or ask an owner for one.');
    c.set('caller', toCaller(found));
    setRateLimitHeaders(c, found);
    await next();
  };
};

const unauthorized = (detail: string): DomainError => new DomainError('unauthorized', detail);

const toCaller = ({ memberId, tokenId, project, role, kinds, readOnly, expiryLimit }: Authenticated): Caller => ({
  memberId,
  tokenId,
  project,
  role,
  kinds,
  readOnly,
  expiryLimit,
});

/** The permission that a route requires. */
export interface Permission {
  readonly access: 'read' | 'write';
  /** Set for a route that concerns requests of one kind. */
  readonly kind?: RequestKind;
  readonly role?: Role;
}

/** The permissions that the token of a caller does not have. */
export function missingPermissions(caller: Caller, { access, kind, role }: Permission): readonly string[] {
  return [
    ...(access === 'write' && caller.readOnly ? ['write'] : []),
    ...(kind !== undefined && caller.kinds !== null && !caller.kinds.includes(kind) ? [kind] : []),
    ...(role === 'owner' && caller.role !== 'owner' ? ['owner'] : []),
  ];
}

export function requireAccess(caller: Caller, ...needs: readonly Permission[]): void {
  const missing = [...new Set(needs.flatMap((one) => missingPermissions(caller, one)))];
  if (missing.length > 0) throw new DomainError('forbidden', forbiddenText(missing), { needs: missing });
}

const forbiddenText = (missing: readonly string[]): string =>
  `The call needs ${missing.map((one) => `\`${one}\``).join(' and ')}, which the token does not have. Nothing was changed.`;

/** The `security` and `middleware` of a route. Throws `forbidden`. OpenAPI 3.1 allows roles as scopes of any scheme. */
export const requirePermission = (needs: Permission) => ({
  security: [{ token: [needs.access, needs.kind, needs.role].filter((one) => one !== undefined) }],
  middleware: async function checkPermission(c, next) {
    requireAccess(c.get('caller'), needs);
    await next();
  } satisfies MiddlewareHandler<AppEnv>,
});
