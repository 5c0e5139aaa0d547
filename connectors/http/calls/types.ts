import type { z } from 'zod';
import type { Path } from '../path.ts';
import type { Form, Query } from './body.ts';

export interface Sent {
  readonly query?: Query;
  readonly json?: unknown;
  readonly form?: Form;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that mean that there is no such thing (any more). The call answers null. */
  readonly gone?: readonly number[];
  /** The statuses that are no error. Default: 200 to 299. */
  readonly expect?: readonly number[];
  /** Sends an idempotency key, which is the same for the same call of a later attempt. A text tells equal calls apart. */
  readonly once?: true | string;
  /** The lane of `pace`. Null: no lane. Default: `erase` for functions that change something, otherwise `read`. */
  readonly lane?: string | null;
  /** `text`: `answer.text`. `stream`: `answer.body`, without a limit of size. Default: JSON, or an empty body. */
  readonly as?: 'text' | 'stream';
}
export type SentGone = Sent & { readonly gone: readonly number[] };

export interface Answer {
  readonly status: number;
  /** Null for an empty body. */
  readonly json: unknown;
  readonly text: string;
  readonly body: AsyncIterable<Uint8Array>;
  header(name: string): string | null;
  /** `json` in the form of the schema. Another form is an error without values. */
  read<Schema extends z.ZodType>(schema: Schema): z.output<Schema>;
}

export interface Verb {
  (path: Path, sent: SentGone): Promise<Answer | null>;
  (path: Path, sent?: Sent): Promise<Answer>;
}

/** Calls the system. Each call waits for its lane, and throws an `HttpError` unless the status is expected. */
export interface Api {
  readonly get: Verb;
  readonly post: Verb;
  readonly put: Verb;
  readonly patch: Verb;
  readonly delete: Verb;
  /** The host with this name in `hosts`. */
  as(host: string): Api;
  /** The value of an entry of `secrets`. */
  secret(name: string): string;
  /** The path of a URL that an answer contains. Throws for another host. */
  pathOf(url: string): Path;
}
