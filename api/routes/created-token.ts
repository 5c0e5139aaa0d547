import { z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import type { Minted } from '../../db/members/tokens.ts';
import { type RequestKind, REQUEST_KINDS, type Role, ROLES } from '../../domain/vocabulary.ts';
import { requireAccess } from '../auth.ts';
import { instant, listOf, text } from '../schemas.ts';

export const tokenName = text(200).openapi({
  description: 'Where it is used, for whoever has to revoke it.',
  example: 'nightly job',
});
export const role = z.enum(ROLES);
export const kinds = listOf(z.enum(REQUEST_KINDS), REQUEST_KINDS.length);
export const access = z.enum(['read', 'write']);

/** What is told of a token, whenever it is told of. */
export const tokenMembers = {
  id: z.string(),
  name: tokenName,
  role,
  kinds: kinds.nullable().openapi({ description: 'Null: of all kinds.' }),
  access,
  expiresAt: instant,
};

export const CreatedToken = z
  .strictObject({ ...tokenMembers, token: z.string().openapi({ description: 'Shown now and never again.' }) })
  .openapi('MintedToken');

export const accessOf = (readOnly: boolean): z.output<typeof access> => (readOnly ? 'read' : 'write');

export const createdTokenResponse = (minted: Minted) => ({
  id: minted.tokenId,
  token: minted.token,
  name: minted.name,
  role: minted.role,
  kinds: minted.kinds === null ? null : [...minted.kinds],
  access: accessOf(minted.readOnly),
  expiresAt: minted.expiresAt,
});

/** Nobody mints for more than their own token allows. Throws `forbidden`. */
export function requireNoMore(
  caller: Caller,
  { role: asked, kinds: askedKinds }: { readonly role: Role; readonly kinds: readonly RequestKind[] | null },
): void {
  requireAccess(
    caller,
    ...(askedKinds ?? REQUEST_KINDS).map((kind) => ({ access: 'write', kind, role: asked }) as const),
  );
}
