import type { MiddlewareHandler } from 'hono';
import { requestOwner } from '../../../db/requests/request-owner.ts';
import { DomainError } from '../../../domain/errors.ts';
import { REQUEST_ID } from '../../../domain/ids.ts';
import { requireAccess } from '../../auth.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';

/**
 * Before anything below `/requests/{id}`: what cannot be an id, what is unknown and what is another project's are one
 * and the same answer. A token that is limited to other kinds of request is refused.
 */
export const ownRequest = (deps: ApiDeps): MiddlewareHandler<AppEnv> =>
  async function ownRequest(c, next) {
    const id = c.req.param('id') ?? '';
    const caller = c.get('caller');
    const owner = REQUEST_ID.test(id) ? await requestOwner(deps.database, id) : null;
    if (owner === null || owner.project !== caller.project)
      throw new DomainError('request_not_found', 'there is no such request');
    requireAccess(caller, { access: 'read', kind: owner.kind });
    await next();
  };
