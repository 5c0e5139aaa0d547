import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { addMember, listMembers, removeMember } from '../../db/members/members.ts';
import { MEMBER_ID } from '../../domain/ids.ts';
import { createOnce } from './create-once.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { encodeIdCursor, parseIdCursor } from '../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { createdTokenResponse, CreatedToken, requireOwnPermissions, role, withoutToken } from './created-token.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { createPage, pageSchema } from '../lists/page.ts';
import { actorName, cursor, timestamp, limit, pathId } from '../schemas.ts';

const name = actorName.openapi({ description: 'Name of the member, unique in the project.', example: 'ann' });

const Member = z
  .strictObject({
    id: z.string().openapi({ description: 'ID of the member.', 'x-example': SAMPLE.member }),
    name,
    role,
    addedAt: timestamp.openapi({ description: 'Time at which the member was added.', 'x-example': SAMPLE.addedAt }),
  })
  .openapi('Member');
const NewMember = z.strictObject({ name, role }).openapi('NewMember');
const AddedMember = z
  .strictObject({ ...Member.shape, token: CreatedToken.openapi({ description: 'First token of the member.' }) })
  .openapi('AddedMember');

const listRoute = createRoute({
  operationId: 'listMembers',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/members',
  summary: 'List members',
  description: 'Returns the members of the project, newest first. Removed members are not returned.',
  request: { query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Member), 'One page of members.', ['Link']),
    ...problemResponses('invalid_request'),
  },
});

const addRoute = createRoute({
  operationId: 'addMember',
  ...requirePermission({ access: 'write', role: 'owner' }),
  method: 'post',
  path: '/members',
  summary: 'Add a member',
  description:
    'Adds a member and creates the first token of the member, which is shown only in this response. The new token covers all kinds of request, so the calling token must cover all kinds, too (`forbidden`). The new member cannot confirm a deletion of everyone that was submitted earlier.',
  request: { headers: idempotencyHeaders, ...body(NewMember) },
  responses: {
    201: jsonResponse(AddedMember, 'Created. The member can call the API immediately.', [
      'Location',
      'Idempotency-Replayed',
    ]),
    ...problemResponsesWithBody('member_exists', 'idempotency_key_in_use', 'idempotency_key_reused'),
  },
});

const removeRoute = createRoute({
  operationId: 'removeMember',
  ...requirePermission({ access: 'write', role: 'owner' }),
  method: 'delete',
  path: '/members/{id}',
  summary: 'Remove a member',
  description:
    'Removes the member and revokes the tokens and download links of the member immediately. Returns `forbidden` if the calling token could not create one of these tokens. Requests and audit events of the member remain. Returns `last_owner` if the project would have no owner left.',
  request: { params: pathId(MEMBER_ID, 'the member', SAMPLE.member) },
  responses: {
    204: { description: 'Removed. Tokens and links of the member are revoked.' },
    ...problemResponses('member_not_found', 'last_owner'),
  },
});

export const members = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const { limit: size, cursor: from } = c.req.valid('query');
      const { project } = c.get('caller');
      const after = parseIdCursor(from, MEMBER_ID);
      const rows = await listMembers(deps.database, { project, after, limit: size + 1 });
      return c.json(createPage(c, rows, size, encodeIdCursor), 200);
    })
    .openapi(addRoute, async (c) => {
      const newMember = c.req.valid('json');
      const caller = c.get('caller');
      requireOwnPermissions(caller, { role: newMember.role, kinds: null });
      const at = deps.now();
      const call = {
        headers: c.req.valid('header'),
        operation: 'addMember',
        parameters: newMember,
        schema: AddedMember,
        stored: (added: z.output<typeof AddedMember>) => ({ ...added, token: withoutToken(added.token) }),
      };
      const added = await createOnce(c, deps, call, async (queries) => {
        const { memberId, ...created } = await addMember(queries, caller, { ...newMember, at });
        return { id: memberId, ...newMember, addedAt: at, token: createdTokenResponse(created) };
      });
      c.header('Location', `/v1/members/${added.id}`);
      return c.json(added, 201);
    })
    .openapi(removeRoute, async (c) => {
      const { id } = c.req.valid('param');
      await removeMember(deps.database, c.get('caller'), { id, at: deps.now() });
      return c.body(null, 204);
    });
