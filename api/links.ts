import { z } from '@hono/zod-openapi';

export const links = z.strictObject({
  self: z.string(),
  subjects: z.string(),
  progress: z.string(),
  receipt: z.string(),
  log: z.string(),
  confirm: z.string(),
  archive: z.string(),
  downloads: z.string().openapi({ description: 'Where links to the archive are made.' }),
});

export function linksOf(requestId: string): z.output<typeof links> {
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
