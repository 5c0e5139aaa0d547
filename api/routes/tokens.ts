import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { isMember } from '../../db/members/members.ts';
import { listTokens, LONGEST_TOKEN_MS, createOwnToken, revokeToken, type TokenRow } from '../../db/members/tokens.ts';
import { DomainError } from '../../domain/errors.ts';
import { MEMBER_ID, TOKEN_ID } from '../../domain/ids.ts';
import { requirePermission, requireAccess } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { idCursor, parseIdCursor } from '../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { bodyError, invalidRequest } from '../http/validation-errors.ts';
import {
  access,
  accessOf,
  kinds,
  createdTokenResponse,
  CreatedToken,
  requireNoMore,
  role,
  SAMPLE_TOKEN,
  tokenMembers,
  tokenName,
} from './created-token.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { pageOf, pageWith } from '../lists/page.ts';
import { cursor, timestamp, limit, pathId } from '../schemas.ts';

const NewToken = z
  .strictObject({
    name: tokenName,
    role: role.optional().openapi({
      description: 'At most that of the token it is asked with, which is the default.',
      'x-example': 'admin',
    }),
    kinds: kinds.optional().openapi({
      description:
        'Only for requests of these kinds. At most those of the token it is asked with, which are the default.',
      'x-example': ['deletion'],
    }),
    access: access.default('write'),
    expiresAt: timestamp.optional().openapi({
      description: 'At most, and by default, 365 days ahead.',
      'x-example': SAMPLE_TOKEN.expiresAt,
    }),
  })
  .openapi('NewToken');

const Token = z
  .strictObject({
    ...tokenMembers,
    member: z.string().openapi({ 'x-example': SAMPLE.member }),
    createdAt: timestamp.openapi({ 'x-example': SAMPLE.addedAt }),
    lastUsedAt: timestamp.nullable().openapi({ description: 'To the minute.', 'x-example': SAMPLE.receivedAt }),
    revokedAt: timestamp.nullable().openapi({ 'x-example': null }),
  })
  .openapi('Token');

const { id, expiresAt, token } = SAMPLE_TOKEN;
const CREATED_EXAMPLES = {
  example: {
    value: { id, name: 'nightly job', role: 'admin', kinds: ['deletion'], access: 'write', expiresAt, token },
  },
};

const newTokenRoute = createRoute({
  operationId: 'mintToken',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/tokens',
  summary: 'A further token for yourself; several are valid at a time, so that one can take the place of another.',
  request: body(NewToken),
  responses: {
    201: jsonResponse(CreatedToken, 'Valid from now on.', ['Location'], CREATED_EXAMPLES),
    ...problemResponsesWithBody(),
  },
});

const listRoute = createRoute({
  operationId: 'listTokens',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/tokens',
  summary: 'Your tokens, newest first, those that have ended included.',
  request: {
    query: z.strictObject({
      member: z
        .union([z.literal('all'), z.string().regex(MEMBER_ID)])
        .optional()
        .openapi({ description: 'For an owner: those of another member, or of all.' }),
      limit,
      cursor,
    }),
  },
  responses: {
    200: jsonResponse(pageWith(Token), 'One page.', ['Link']),
    ...problemResponses('member_not_found', 'invalid_request'),
  },
});

const revokeRoute = createRoute({
  operationId: 'revokeToken',
  ...requirePermission({ access: 'write' }),
  method: 'delete',
  path: '/tokens/{id}',
  summary: 'End a token at once: one of yours, for an owner any of the project; also the one that this is asked with.',
  request: { params: pathId(TOKEN_ID, 'the token', SAMPLE_TOKEN.id) },
  responses: { 204: { description: 'It has ended.' }, ...problemResponses('token_not_found') },
});

export const tokens = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(newTokenRoute, async (c) => {
      const sent = c.req.valid('json');
      const caller = c.get('caller');
      const at = deps.now();
      const asked = {
        name: sent.name,
        role: sent.role ?? caller.role,
        kinds: sent.kinds === undefined ? caller.kinds : [...new Set(sent.kinds)],
        readOnly: sent.access === 'read',
        expiresAt: expiryOf(sent.expiresAt, at),
      };
      requireNoMore(caller, asked);
      const created = await createOwnToken(deps.database, caller, asked, at);
      c.header('Location', `/v1/tokens/${created.tokenId}`);
      return c.json(createdTokenResponse(created), 201);
    })
    .openapi(listRoute, async (c) => {
      const { member: asked, limit: size, cursor: from } = c.req.valid('query');
      const { project, memberId: own } = c.get('caller');
      if (asked !== undefined && asked !== own) requireAccess(c.get('caller'), { access: 'read', role: 'owner' });
      if (asked !== undefined && asked !== 'all' && !(await isMember(deps.database, project, asked)))
        throw new DomainError('member_not_found', 'there is no such member');
      const memberId = asked === 'all' ? null : (asked ?? own);
      const after = parseIdCursor(from, TOKEN_ID);
      const rows = await listTokens(deps.database, { project, memberId, after, limit: size + 1 });
      return c.json(pageOf(c, rows.map(listed), size, idCursor), 200);
    })
    .openapi(revokeRoute, async (c) => {
      const { id } = c.req.valid('param');
      const caller = c.get('caller');
      await revokeToken(deps.database, caller, { id, ofAll: caller.role === 'owner', at: deps.now() });
      return c.body(null, 204);
    });

const listed = ({ memberId, kinds: only, readOnly, ...row }: TokenRow) => ({
  ...row,
  member: memberId,
  kinds: only === null ? null : [...only],
  access: accessOf(readOnly),
});

function expiryOf(asked: string | undefined, at: Date): Date {
  const latest = new Date(at.getTime() + LONGEST_TOKEN_MS);
  const expiresAt = asked === undefined ? latest : new Date(asked);
  if (expiresAt > at && expiresAt <= latest) return expiresAt;
  throw invalidRequest([bodyError('/expiresAt', 'out_of_range', 'must lie ahead, by 365 days at most')]);
}
