import { DomainError } from '../../../domain/errors.ts';
import type { ApiDeps } from '../../deps.ts';

const BODY_LIMIT_BYTES = 10_000_000;

export const bodyLimitOf = (deps: ApiDeps): number => deps.bodyLimitBytes ?? BODY_LIMIT_BYTES;

const tooLarge = (limit: number): DomainError =>
  new DomainError(
    'body_too_large',
    `The body has more than ${limit} bytes. Nothing was stored; split the list into several calls.`,
    { limit },
  );

/**
 * Yields a body as it arrives, up to the limit. Does not read the rest when the reader stops. `incomplete` is thrown when the
 * caller disconnects.
 */
export async function* bodyBytes(
  { headers, body }: Request,
  limit: number,
  incomplete: DomainError,
): AsyncIterable<Uint8Array> {
  if (Number(headers.get('Content-Length')) > limit) throw tooLarge(limit);
  if (body === null) return;
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read().catch(() => {
      throw incomplete;
    });
    if (done) return;
    bytes += value.length;
    if (bytes > limit) throw tooLarge(limit);
    yield value;
  }
}
