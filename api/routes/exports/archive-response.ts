import { z } from '@hono/zod-openapi';
import type { RequestStatus } from '../../../db/requests/read.ts';
import { ARCHIVE_ENDS, EXPORT_FORMATS } from '../../../domain/vocabulary.ts';
import { instant } from '../../schemas.ts';

export const Archive = z
  .strictObject({
    format: z.enum(EXPORT_FORMATS),
    rows: z.int(),
    bytes: z.int().openapi({ description: 'Of the ZIP, as it is downloaded.' }),
    sha256: z.string().openapi({ description: 'Of the same, in hexadecimal.' }),
    readyAt: instant,
    expiresAt: instant.openapi({ description: 'Then its key is destroyed, and nobody can read it any more.' }),
    destroyedAt: instant.nullable(),
    reason: z.enum(ARCHIVE_ENDS).nullable().openapi({ description: 'Why it was destroyed.' }),
  })
  .openapi('Archive');

/** What is known of an archive, also when it has gone. */
export const archiveResponse = ({ archive, format }: RequestStatus) =>
  archive === null || format === null ? null : { ...archive, format };
