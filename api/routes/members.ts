import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { addMember, listMembers, removeMember } from '../../db/members/members.ts';
import { MEMBER_ID } from '../../domain/ids.ts';
import { requirePermission } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import { idCursor, parseIdCursor } from '../lists/cursor.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { createdTokenResponse, CreatedToken, requireNoMore, role } from './created-token.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { pageOf, pageWith } from '../lists/page.ts';
import { cursor, timestamp, limit, pathId, text } from '../schemas.ts';

const name = text(200).openapi({ description: 'How colleagues know the member; unique in a project.', example: 'ann' });

const Member = z
  .strictObject({
    id: z.string().openapi({ 'x-example': SAMPLE.member }),
    name,
    role,
    addedAt: timestamp.openapi({ 'x-example': SAMPLE.addedAt }),
  })
  .openapi('Member');
const NewMember = z.strictObject({ name, role }).openapi('NewMember');
const AddedMember = z.strictObject({ ...Member.shape, token: CreatedToken }).openapi('AddedMember');

const listRoute = createRoute({
  operationId: 'listMembers',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/members',
  summary: 'Who may call on behalf of the project, newest first.',
  request: { query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageWith(Member), 'One page.', ['Link']),
    ...problemResponses('invalid_request'),
  },
});

const addRoute = createRoute({
  operationId: 'addMember',
  ...requirePermission({ access: 'write', role: 'owner' }),
  method: 'post',
  path: '/members',
  summary: 'A further member, with a first token, which is shown once.',
  description: 'The token is of all kinds: one that is limited to some adds nobody.',
  request: body(NewMember),
  responses: {
    201: jsonResponse(AddedMember, 'May call from now on.', ['Location']),
    ...problemResponsesWithBody('member_exists'),
  },
});

const removeRoute = createRoute({
  operationId: 'removeMember',
  ...requirePermission({ access: 'write', role: 'owner' }),
  method: 'delete',
  path: '/members/{id}',
  summary: 'Remove a member: its tokens and links end at once, what it has done stays recorded.',
  request: { params: pathId(MEMBER_ID, 'the member', SAMPLE.member) },
  responses: { 204: { description: 'Removed.' }, ...problemResponses('member_not_found', 'last_owner') },
});

export const members = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const { limit: size, cursor: from } = c.req.valid('query');
      const { project } = c.get('caller');
      const after = parseIdCursor(from, MEMBER_ID);
      const rows = await listMembers(deps.database, { project, after, limit: size + 1 });
      return c.json(pageOf(c, rows, size, idCursor), 200);
    })
    .openapi(addRoute, async (c) => {
      const sent = c.req.valid('json');
      const caller = c.get('caller');
      requireNoMore(caller, { role: sent.role, kinds: null });
      const at = deps.now();
      const { memberId, ...created } = await addMember(deps.database, caller, { ...sent, at });
      c.header('Location', `/v1/members/${memberId}`);
      return c.json({ id: memberId, ...sent, addedAt: at, token: createdTokenResponse(created) }, 201);
    })
    .openapi(removeRoute, async (c) => {
      const { id } = c.req.valid('param');
      await removeMember(deps.database, c.get('caller'), { id, at: deps.now() });
      return c.body(null, 204);
    });
