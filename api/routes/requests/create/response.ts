import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Accepted } from '../../../../db/requests/idempotency.ts';
import { STATUSES } from '../../../../domain/vocabulary.ts';
import type { HeaderName } from '../../../openapi/contract.ts';
import type { AppEnv } from '../../../deps.ts';
import { fields, hardDeleteAtOrNull, linksOf } from '../fields.ts';

/** Fields of the response to every way of submitting a request. */
export const acceptedFields = {
  id: fields.id,
  status: z.enum(STATUSES).openapi({
    description: '`received`. For a repeated call with the same `Idempotency-Key`: the current status.',
    'x-example': 'received',
  }),
  kind: fields.kind,
  project: fields.project,
  regulation: fields.regulation,
  submitted: fields.submitted,
  receivedAt: fields.receivedAt,
  dueAt: fields.dueAt,
  hardDeleteAt: hardDeleteAtOrNull,
  cancellableUntil: fields.cancellableUntil.nullable().openapi({
    description:
      'Earliest time at which a subject may be claimed and can no longer be cancelled. Null for exports, which can be cancelled until they are ready.',
  }),
  estimatedCompletionAt: fields.estimatedCompletionAt,
  atRisk: fields.atRisk,
  links: fields.links,
};

export const AcceptedRequest = z.strictObject(acceptedFields).openapi('AcceptedRequest');

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
