import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Accepted } from '../../../../db/requests/create.ts';
import { REQUEST_KINDS, STATUSES } from '../../../../domain/vocabulary.ts';
import type { HeaderName } from '../../../openapi/contract.ts';
import type { AppEnv } from '../../../deps.ts';
import { instant } from '../../../schemas.ts';
import { links, linksOf } from '../../../links.ts';

/** What every way to submit a deletion is answered with. */
export const accepted = {
  id: z.string(),
  status: z.enum(STATUSES).openapi({ description: '`received`; where it stands by now, when the answer is a replay.' }),
  kind: z.enum(REQUEST_KINDS),
  project: z.string(),
  regulation: z.string(),
  submitted: z.int().openapi({ description: 'Identities; 0 of a segment or of everyone, until it is resolved.' }),
  receivedAt: instant,
  dueAt: instant,
  hardDeleteAt: instant.nullable().openapi({ description: 'Null of an export.' }),
  cancellableUntil: instant.nullable().openapi({ description: 'Null of an export: until it is ready.' }),
  estimatedCompletionAt: instant,
  atRisk: z.boolean(),
  links,
};

export const ACCEPTED_HEADERS: readonly HeaderName[] = ['Location', 'Retry-After', 'Idempotency-Replayed'];

export function acceptedResponse(c: Context<AppEnv>, { replayed, ...request }: Accepted) {
  c.header('Location', `/v1/requests/${request.id}`);
  c.header('Retry-After', '2');
  if (replayed) c.header('Idempotency-Replayed', 'true');
  return {
    ...request,
    cancellableUntil: request.hardDeleteAt,
    atRisk: request.estimatedCompletionAt > request.dueAt,
    links: linksOf(request.id),
  };
}
