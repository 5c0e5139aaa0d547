import { DomainError } from '../../domain/errors.ts';
import { REQUEST_KINDS, type RequestKind, type Role } from '../../domain/vocabulary.ts';
import type { Actor } from './authorized-transaction.ts';

/** What the token of a caller can give away and take away. */
export interface Authority extends Actor {
  readonly role: Role;
  /** Null for all kinds. */
  readonly kinds: readonly RequestKind[] | null;
  readonly expiryLimit: Date | null;
}
interface HeldRights {
  readonly id: string;
  readonly role: Role;
  readonly kinds: readonly RequestKind[] | null;
  readonly expiresAt: Date;
}

/**
 * Throws `forbidden` if the caller could not create one of these tokens, so that a limited token takes away no more than it
 * could give. Its own token and expired ones are excluded.
 */
export function requireAuthority(caller: Authority, owned: readonly HeldRights[], at: Date): void {
  const valid = owned.filter((token) => token.expiresAt > at && token.id !== caller.tokenId);
  const missing = new Set(
    valid.flatMap(({ role, kinds, expiresAt }) => [
      ...(kinds ?? REQUEST_KINDS).filter((kind) => caller.kinds !== null && !caller.kinds.includes(kind)),
      ...(role === 'owner' && caller.role !== 'owner' ? ['owner'] : []),
      ...(caller.expiryLimit !== null && expiresAt > caller.expiryLimit ? ['expiry'] : []),
    ]),
  );
  if (missing.size === 0) return;
  const names = [...missing].map((one) => `\`${one}\``).join(' and ');
  throw new DomainError(
    'forbidden',
    `A token to revoke has rights that the calling token could not give: ${names}. Nothing was changed; call with a token that has them.`,
    { needs: [...missing] },
  );
}
