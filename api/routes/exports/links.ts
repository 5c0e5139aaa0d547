import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { createLink, type LinkRow, listLinks, revokeLink } from '../../../db/exports/links.ts';
import type { Caller } from '../../../db/members/authenticate.ts';
import { readExportRow, readRequestRow } from '../../../db/requests/row.ts';
import { withActiveToken } from '../../../db/members/authorized-transaction.ts';
import { LINK_ID, MAX_ID_LENGTH, REQUEST_ID } from '../../../domain/ids.ts';
import { LONGEST_LINK_MS } from '../../../domain/policy.ts';
import { LINK_STATES } from '../../../domain/vocabulary.ts';
import { createOnce } from '../create-once.ts';
import { idempotencyHeaders } from '../requests/create/schema.ts';
import { requirePermission, requireAccess } from '../../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { downloadUrl } from '../../../domain/archive.ts';
import { encodeIdCursor, parseIdCursor } from '../../lists/cursor.ts';
import { createPage, pageSchema } from '../../lists/page.ts';
import { LINK_DESCRIPTION } from '../../openapi/descriptions.ts';
import { cursor, timestamp, limit, pathId } from '../../schemas.ts';
import { SAMPLE } from '../../openapi/samples.ts';

const SECOND_MS = 1_000;

export const exportParams = pathId(REQUEST_ID, 'the request', SAMPLE.export);

const NewLink = z
  .strictObject({
    expiresIn: z
      .int()
      .min(60)
      .max(LONGEST_LINK_MS / SECOND_MS)
      .optional()
      .openapi({
        description:
          'Seconds until the link expires. Default and maximum: seven days. The link expires no later than its archive.',
        'x-example': 86_400,
      }),
  })
  .openapi('NewLink');

const LINK = 'link_01a207ddb4e07000b0c7d3e45f1a2968';
const linkId = z.string().openapi({ description: 'ID of the link.', 'x-example': LINK });
const linkExpiresAt = timestamp.openapi({
  description: 'Time at which the link expires.',
  'x-example': '2026-11-24T10:05:00.000Z',
});

const CreatedLink = z
  .strictObject({
    id: linkId,
    url: z.string().nullable().openapi({
      description:
        'URL for one download. It requires no token: everyone who has the URL can use it. Shown only in the response to the first call; null if the call repeats an `Idempotency-Key`.',
      'x-example': 'https://lethe.example/download/q7Xn0sVbW4yLr2eJtC9oZk1uHdM8fPa5gQxRiTwE3vA',
    }),
    expiresAt: linkExpiresAt,
  })
  .openapi('CreatedLink');

const Link = z
  .strictObject({
    id: linkId,
    state: z.enum(LINK_STATES).openapi({ description: LINK_DESCRIPTION }),
    createdAt: timestamp.openapi({ description: 'Time of the creation.', 'x-example': SAMPLE.placedAt }),
    createdBy: z.string().openapi({
      description: 'ID of the member, or `lethe` for a link that was sent by email.',
      'x-example': SAMPLE.member,
    }),
    expiresAt: linkExpiresAt,
    revokedAt: timestamp
      .nullable()
      .openapi({ description: 'Time of the revocation. Null if the link is not revoked.', 'x-example': null }),
    usedAt: timestamp
      .nullable()
      .openapi({ description: 'Time at which the download was completed. Null before.', 'x-example': null }),
  })
  .openapi('Link');

const createLinkRoute = createRoute({
  operationId: 'createLink',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/links',
  summary: 'Create a download link',
  description:
    "Creates a link for one completed download of the archive. The export must have status `ready` (`archive_not_ready`). An export of everyone, or one that precedes a deletion of everyone, requires an owner's token (`forbidden`). Several links can be open at a time.",
  request: { params: exportParams, headers: idempotencyHeaders, ...body(NewLink) },
  responses: {
    201: jsonResponse(CreatedLink, 'Created. The link can be used immediately.', ['Location', 'Idempotency-Replayed']),
    ...problemResponsesWithBody(
      'request_not_found',
      'wrong_kind',
      'archive_not_ready',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

const listLinksRoute = createRoute({
  operationId: 'listLinks',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/links',
  summary: 'List download links',
  description:
    'Returns the download links of the archive, newest first, including used, revoked and expired ones. Their URLs are not stored.',
  request: { params: exportParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Link), 'One page of links.', ['Link']),
    ...problemResponses('request_not_found', 'wrong_kind', 'invalid_request'),
  },
});

const revokeLinkRoute = createRoute({
  operationId: 'revokeLink',
  ...requirePermission({ access: 'write' }),
  method: 'delete',
  path: '/requests/{id}/links/{linkId}',
  summary: 'Revoke a download link',
  description:
    "Revokes the link immediately and aborts a download that uses it. A link to an export of everyone requires an owner's token (`forbidden`).",
  request: {
    params: exportParams.extend({
      linkId: z.string().openapi({
        param: { name: 'linkId', in: 'path', description: 'ID of the link.' },
        pattern: LINK_ID.source,
        maxLength: MAX_ID_LENGTH,
        'x-example': LINK,
      }),
    }),
  },
  responses: {
    204: { description: 'Revoked. The link can no longer be used.' },
    ...problemResponses('request_not_found', 'wrong_kind', 'link_not_found'),
  },
});

/** Links to the archive of everyone are given and taken by owners only. Throws `forbidden`. */
async function requireArchiveOf(deps: ApiDeps, caller: Caller, requestId: string): Promise<void> {
  const { kind, selection, backupOf } = await readExportRow(deps.database, requestId);
  const original = backupOf === null ? selection : (await readRequestRow(deps.database, backupOf)).selection;
  if (original === 'everyone') requireAccess(caller, { access: 'write', kind, role: 'owner' });
}

export const links = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(createLinkRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { expiresIn } = c.req.valid('json');
      const caller = c.get('caller');
      await requireArchiveOf(deps, caller, requestId);
      const at = deps.now();
      const expiresAt = expiresIn === undefined ? null : new Date(at.getTime() + expiresIn * SECOND_MS);
      const call = {
        headers: c.req.valid('header'),
        operation: 'createLink',
        parameters: { requestId, expiresIn },
        schema: CreatedLink,
        stored: (made: z.output<typeof CreatedLink>) => ({ ...made, url: null }),
      };
      const made = await createOnce(c, deps, call, async (queries) => {
        const { token, ...link } = await withActiveToken(queries, caller, (tx) =>
          createLink(tx, { requestId, createdBy: caller.memberId, expiresAt, at }),
        );
        return { id: link.id, url: downloadUrl(deps.publicUrl, token), expiresAt: link.expiresAt };
      });
      c.header('Location', `/v1/requests/${requestId}/links/${made.id}`);
      return c.json(made, 201);
    })
    .openapi(listLinksRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { limit: size, cursor: from } = c.req.valid('query');
      const after = parseIdCursor(from, LINK_ID);
      await readExportRow(deps.database, requestId);
      const rows = await listLinks(deps.database, { requestId, after, limit: size + 1, now: deps.now() });
      return c.json(createPage<LinkRow>(c, rows, size, encodeIdCursor), 200);
    })
    .openapi(revokeLinkRoute, async (c) => {
      const { id: requestId, linkId: id } = c.req.valid('param');
      await requireArchiveOf(deps, c.get('caller'), requestId);
      await revokeLink(deps.database, { requestId, id, actor: c.get('caller').memberId, at: deps.now() });
      return c.body(null, 204);
    });
