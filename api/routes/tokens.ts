import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { isMember } from '../../db/members/members.ts';
import { listTokens, createOwnToken, latestExpiry, revokeToken, type TokenRow } from '../../db/members/tokens.ts';
import { DomainError } from '../../domain/errors.ts';
import { TOKEN_ID } from '../../domain/ids.ts';
import { createOnce } from './create-once.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission, requireAccess } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { encodeIdCursor, parseIdCursor } from '../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { bodyError, invalidRequest } from '../http/validation-errors.ts';
import {
  access,
  accessOf,
  kinds,
  createdTokenResponse,
  CreatedToken,
  requireOwnPermissions,
  role,
  SAMPLE_TOKEN,
  tokenFields,
  tokenName,
  withoutToken,
} from './created-token.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { booleanFilter } from '../lists/filters.ts';
import { createPage, pageSchema } from '../lists/page.ts';
import { cursor, memberId, sentTimestamp, timestamp, limit, pathId } from '../schemas.ts';

const NewToken = z
  .strictObject({
    name: tokenName,
    role: role.optional().openapi({
      description: 'Role of the token, at most the role of the calling token. Default: the role of the calling token.',
      'x-example': 'admin',
    }),
    kinds: kinds.optional().openapi({
      description:
        'Kinds of request that the token covers, at most those of the calling token. Default: those of the calling token.',
      'x-example': ['deletion'],
    }),
    access: access.default('write'),
    expiresAt: sentTimestamp.optional().openapi({
      description:
        'Time at which the token expires. Default and maximum: 365 days from now, or the expiry of the calling token if that is earlier. An unlimited token that an operator created for an owner may create tokens that outlive it.',
      'x-example': SAMPLE_TOKEN.expiresAt,
    }),
  })
  .openapi('NewToken');

const Token = z
  .strictObject({
    ...tokenFields,
    member: z.string().openapi({ description: 'ID of the member.', 'x-example': SAMPLE.member }),
    createdAt: timestamp.openapi({ description: 'Time of the creation.', 'x-example': SAMPLE.addedAt }),
    lastUsedAt: timestamp.nullable().openapi({
      description: 'Time of the latest call, to the minute. Null before the first call.',
      'x-example': SAMPLE.receivedAt,
    }),
    revokedAt: timestamp
      .nullable()
      .openapi({ description: 'Time of the revocation. Null if the token is not revoked.', 'x-example': null }),
  })
  .openapi('Token');

const Revocation = z
  .strictObject({
    revoked: z
      .int()
      .openapi({ description: 'Number of revoked tokens. 0 if the token was revoked before.', 'x-example': 1 }),
    activeDescendants: z.int().openapi({
      description:
        'Number of tokens that descend from the token and are still valid. Repeat the call with `descendants=true` to revoke them.',
      'x-example': 2,
    }),
  })
  .openapi('Revocation');

const { id, expiresAt, token } = SAMPLE_TOKEN;
const CREATED_EXAMPLES = {
  example: {
    value: {
      id,
      name: 'nightly job',
      role: 'admin',
      kinds: ['deletion'],
      access: 'write',
      mintedBy: 'tok_01a1f7ac2f6870009d3e5b7a1c2f4e60',
      expiresAt,
      token,
    },
  },
};

const newTokenRoute = createRoute({
  operationId: 'createToken',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/tokens',
  summary: 'Create a token',
  description:
    'Creates a further token for the calling member, with at most the permissions of the calling token. Several tokens are valid at a time, so that a new one can replace an old one without interruption. Returns `forbidden` if the calling token lacks a requested permission.',
  request: { headers: idempotencyHeaders, ...body(NewToken) },
  responses: {
    201: jsonResponse(
      CreatedToken,
      'Created. The token is valid immediately.',
      ['Location', 'Idempotency-Replayed'],
      CREATED_EXAMPLES,
    ),
    ...problemResponsesWithBody('idempotency_key_in_use', 'idempotency_key_reused'),
  },
});

const listRoute = createRoute({
  operationId: 'listTokens',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/tokens',
  summary: 'List tokens',
  description:
    'Returns the tokens of the calling member, newest first, including expired and revoked ones. An owner can list the tokens of other members.',
  request: {
    query: z.strictObject({
      member: z
        .union([z.literal('all'), memberId])
        .optional()
        .openapi({ description: 'For owners: ID of another member, or `all`.' }),
      limit,
      cursor,
    }),
  },
  responses: {
    200: jsonResponse(pageSchema(Token), 'One page of tokens.', ['Link']),
    ...problemResponses('member_not_found', 'invalid_request'),
  },
});

const revokeRoute = createRoute({
  operationId: 'revokeToken',
  ...requirePermission({ access: 'write' }),
  method: 'delete',
  path: '/tokens/{id}',
  summary: 'Revoke a token',
  description:
    'Revokes a token of the calling member immediately. An owner can revoke any token of the project. A token can revoke itself, and otherwise only tokens that it could create (`forbidden`). Tokens that the token created stay valid unless `descendants` is true; `activeDescendants` counts them.',
  request: {
    params: pathId(TOKEN_ID, 'the token', SAMPLE_TOKEN.id),
    query: z.strictObject({
      descendants: booleanFilter('Also revokes every token that the token created, directly or through others.'),
    }),
  },
  responses: {
    200: jsonResponse(Revocation, 'Revoked. Calls with the token fail from now on.'),
    ...problemResponses('token_not_found', 'invalid_request'),
  },
});

export const tokens = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(newTokenRoute, async (c) => {
      const json = c.req.valid('json');
      const caller = c.get('caller');
      const at = deps.now();
      const newToken = {
        name: json.name,
        role: json.role ?? caller.role,
        kinds: json.kinds === undefined ? caller.kinds : [...new Set(json.kinds)],
        readOnly: json.access === 'read',
        expiresAt: expiryOf(json.expiresAt, latestExpiry(caller.expiryLimit, at), at),
      };
      requireOwnPermissions(caller, newToken);
      const call = {
        headers: c.req.valid('header'),
        operation: 'createToken',
        parameters: json,
        schema: CreatedToken,
        stored: withoutToken,
      };
      const created = await createOnce(c, deps, call, async (queries) =>
        createdTokenResponse(await createOwnToken(queries, caller, newToken, at)),
      );
      c.header('Location', `/v1/tokens/${created.id}`);
      return c.json(created, 201);
    })
    .openapi(listRoute, async (c) => {
      const { member, limit: size, cursor: from } = c.req.valid('query');
      const { project, memberId: own } = c.get('caller');
      if (member !== undefined && member !== own) requireAccess(c.get('caller'), { access: 'read', role: 'owner' });
      if (member !== undefined && member !== 'all' && !(await isMember(deps.database, project, member)))
        throw new DomainError(
          'member_not_found',
          'The project has no member with this id. Nothing was changed; check the id.',
        );
      const memberId = member === 'all' ? null : (member ?? own);
      const after = parseIdCursor(from, TOKEN_ID);
      const rows = await listTokens(deps.database, { project, memberId, after, limit: size + 1 });
      return c.json(createPage(c, rows.map(tokenResponse), size, encodeIdCursor), 200);
    })
    .openapi(revokeRoute, async (c) => {
      const { id } = c.req.valid('param');
      const caller = c.get('caller');
      const { descendants = false } = c.req.valid('query');
      const revocation = { id, anyMember: caller.role === 'owner', descendants, at: deps.now() };
      return c.json(await revokeToken(deps.database, caller, revocation), 200);
    });

const tokenResponse = ({ memberId, kinds: covered, readOnly, ...row }: TokenRow) => ({
  ...row,
  member: memberId,
  kinds: covered === null ? null : [...covered],
  access: accessOf(readOnly),
});

function expiryOf(requested: string | undefined, latest: Date, at: Date): Date {
  const expiresAt = requested === undefined ? latest : new Date(requested);
  if (expiresAt > at && expiresAt <= latest) return expiresAt;
  throw invalidRequest([
    bodyError(
      '/expiresAt',
      'out_of_range',
      'must be in the future, at most 365 days ahead, and not after the calling token expires',
    ),
  ]);
}
