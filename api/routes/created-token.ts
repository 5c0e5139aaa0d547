import { z } from '@hono/zod-openapi';
import type { Caller } from '../../db/members/authenticate.ts';
import type { CreatedToken as Created } from '../../db/members/tokens.ts';
import { type RequestKind, REQUEST_KINDS, type Role, ROLES } from '../../domain/vocabulary.ts';
import { requireAccess } from '../auth.ts';
import { actorName, timestamp, listOf } from '../schemas.ts';

export const SAMPLE_TOKEN = {
  id: 'tok_01a1f82f1e807000b7d3c9e20f4a6158',
  expiresAt: '2027-11-20T09:00:00.000Z',
  token: `lethe_${'0123456789abcdef'.repeat(4)}_00000000`,
};

export const tokenName = actorName.openapi({
  description: 'Name of the token. Name its use, so that you know later which token to revoke.',
  example: 'nightly job',
});
export const role = z.enum(ROLES).openapi({
  description:
    'Role. An `admin` submits and manages requests. An `owner` also manages members and webhooks, skips systems, exports everyone, and confirms deletions of everyone.',
});
export const kinds = listOf(z.enum(REQUEST_KINDS), REQUEST_KINDS.length);
export const access = z
  .enum(['read', 'write'])
  .openapi({ description: '`read`: the token can only read. `write`: the token can also change data.' });

/** Fields of every response about a token. */
export const tokenFields = {
  id: z.string().openapi({ description: 'ID of the token.', 'x-example': SAMPLE_TOKEN.id }),
  name: tokenName,
  role,
  kinds: kinds
    .nullable()
    .openapi({ description: 'Kinds of request that the token covers. Null for all kinds.', 'x-example': null }),
  access,
  mintedBy: z.string().nullable().openapi({
    description: 'ID of the token that created this one. Null if an operator created it with `npm run member`.',
    'x-example': 'tok_01a1f7ac2f6870009d3e5b7a1c2f4e60',
  }),
  expiresAt: timestamp.openapi({
    description: 'Time at which the token expires.',
    'x-example': SAMPLE_TOKEN.expiresAt,
  }),
};

export const CreatedToken = z
  .strictObject({
    ...tokenFields,
    access: access.openapi({ 'x-example': 'write' }),
    token: z.string().nullable().openapi({
      description:
        'The bearer token. Shown only in the response to the first call; null if the call repeats an `Idempotency-Key`.',
      'x-example': SAMPLE_TOKEN.token,
    }),
  })
  .openapi('CreatedToken');

/** The form in which a response is stored for repeated calls. */
export const withoutToken = <Sent extends object>(created: Sent) => ({ ...created, token: null });

export const accessOf = (readOnly: boolean): z.output<typeof access> => (readOnly ? 'read' : 'write');

export const createdTokenResponse = (created: Created) => ({
  id: created.tokenId,
  token: created.token,
  name: created.name,
  role: created.role,
  kinds: created.kinds === null ? null : [...created.kinds],
  access: accessOf(created.readOnly),
  mintedBy: created.mintedBy,
  expiresAt: created.expiresAt,
});

/** A caller cannot create a token with more permissions than its own. Throws `forbidden`. */
export function requireOwnPermissions(
  caller: Caller,
  { role: newRole, kinds: newKinds }: { readonly role: Role; readonly kinds: readonly RequestKind[] | null },
): void {
  requireAccess(
    caller,
    ...(newKinds ?? REQUEST_KINDS).map((kind) => ({ access: 'write', kind, role: newRole }) as const),
  );
}
