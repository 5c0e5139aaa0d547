import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { Replayable } from '../../../../db/requests/idempotency.ts';

// RFC 8941: a quote or a backslash inside a quoted string is escaped.
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a quoted string; without quotes it is the same key. */
const key = z
  .string()
  .transform((sent) => (sent.startsWith('"') ? QUOTED.exec(sent)?.[1]?.replaceAll(/\\(.)/g, '$1') : sent) ?? '')
  .refine((text) => KEY.test(text), { message: 'is not a text of 1 to 255 visible ASCII characters' })
  .openapi({
    type: 'string',
    description:
      'A text of your choice for this very request, such as a UUID. Sent again within 24 hours with the same body it gives the first answer again and starts nothing.',
    example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
  });

export const idempotencyHeaders = z.object({ 'Idempotency-Key': key.optional() });

/** What the call says is its operation, what that was asked in words, and whatever came in bytes beside them. */
export function replayable(
  headers: z.output<typeof idempotencyHeaders>,
  operation: string,
  asked: unknown,
  bytes: Uint8Array = new Uint8Array(),
): Replayable | null {
  const given = headers['Idempotency-Key'];
  if (given === undefined) return null;
  const content = createHash('sha256')
    .update(JSON.stringify([operation, asked]))
    .update(bytes)
    .digest();
  return { key: given, content };
}
