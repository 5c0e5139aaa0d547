import { z } from '@hono/zod-openapi';
import { STATUSES } from '../../../domain/vocabulary.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { timestamp } from '../../schemas.ts';

export function linksOf(requestId: string) {
  const self = `/v1/requests/${requestId}`;
  return {
    self,
    subjects: `${self}/subjects`,
    progress: `${self}/progress`,
    receipt: `${self}/receipt`,
    log: `${self}/log`,
    confirm: `${self}/confirm`,
    archive: `${self}/archive`,
    downloads: `${self}/links`,
  };
}

const links = z
  .strictObject({
    self: z.string(),
    subjects: z.string(),
    progress: z.string(),
    receipt: z.string(),
    log: z.string(),
    confirm: z.string(),
    archive: z.string(),
    downloads: z.string().openapi({ description: 'Where links to the archive are made.' }),
  })
  .openapi({ 'x-example': linksOf(SAMPLE.request) });

/** Rows that a deletion kept on one basis. */
export const retainedRows = z.strictObject({
  basis: z.string().openapi({ description: 'The reason that the data map states for keeping the rows.' }),
  rows: z.int(),
});

/** Members of a request that several answers have, with what the examples show of them. */
export const fields = {
  id: z.string().openapi({ 'x-example': SAMPLE.request }),
  status: z.enum(STATUSES).openapi({ 'x-example': 'grace' }),
  project: z.string().openapi({ 'x-example': 'demo' }),
  regulation: z.string().openapi({ 'x-example': 'gdpr' }),
  system: z.string().openapi({ 'x-example': 'app' }),
  retained: z.array(retainedRows).readonly().openapi({
    description: 'The rows kept of the deleted subjects, per basis, over all systems. Empty if none is kept.',
    'x-example': [],
  }),
  submitted: z.int().openapi({ 'x-example': 2 }),
  receivedAt: timestamp.openapi({ 'x-example': SAMPLE.receivedAt }),
  dueAt: timestamp.openapi({ 'x-example': '2026-12-23T10:00:00.000Z' }),
  hardDeleteAt: timestamp.openapi({ 'x-example': SAMPLE.hardDeleteAt }),
  cancellableUntil: timestamp.openapi({ 'x-example': SAMPLE.hardDeleteAt }),
  estimatedCompletionAt: timestamp.openapi({ 'x-example': SAMPLE.verifiedAt }),
  concludedAt: timestamp.nullable().openapi({ 'x-example': null }),
  href: z.string().openapi({ 'x-example': linksOf(SAMPLE.request).self }),
  links,
};
