import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Accepted } from '../../../../db/requests/idempotency.ts';
import { REQUEST_KINDS, STATUSES } from '../../../../domain/vocabulary.ts';
import type { HeaderName } from '../../../openapi/contract.ts';
import type { AppEnv } from '../../../deps.ts';
import { fields, linksOf } from '../fields.ts';

/** Members of the answer to every way of submitting a request. */
export const accepted = {
  id: fields.id,
  status: z.enum(STATUSES).openapi({
    description: '`received`; where it stands by now, when the answer is a replay.',
    'x-example': 'received',
  }),
  kind: z.enum(REQUEST_KINDS).openapi({ 'x-example': 'deletion' }),
  project: fields.project,
  regulation: fields.regulation,
  submitted: fields.submitted.openapi({
    description: 'Identities; 0 of a segment or of everyone, until it is resolved.',
  }),
  receivedAt: fields.receivedAt,
  dueAt: fields.dueAt,
  hardDeleteAt: fields.hardDeleteAt.nullable().openapi({ description: 'Null of an export.' }),
  cancellableUntil: fields.cancellableUntil
    .nullable()
    .openapi({ description: 'Null of an export: until it is ready.' }),
  estimatedCompletionAt: fields.estimatedCompletionAt,
  atRisk: z.boolean(),
  links: fields.links,
};

export const AcceptedRequest = z.strictObject(accepted).openapi('AcceptedRequest');

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
