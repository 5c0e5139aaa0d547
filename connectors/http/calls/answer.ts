import { HttpError } from '../failure.ts';
import { parseJson } from './body.ts';
import type { Incoming } from './exchange.ts';
import type { Answer, Sent } from './types.ts';

/** JSON is read at once, so that half an answer is an error although the function does not look at it. */
export function toAnswer({ status, bytes, body, header }: Incoming, as: Sent['as']): Answer {
  const json = as === undefined ? parseJson(bytes) : null;
  return {
    status,
    json,
    text: bytes.toString('utf8'),
    body,
    header,
    read(schema) {
      const parsed = schema.safeParse(json);
      if (!parsed.success) throw new HttpError('unexpected_answer');
      return parsed.data;
    },
  };
}
