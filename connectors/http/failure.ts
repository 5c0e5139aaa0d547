import { CallbackError } from '../callbacks.ts';
import { durationMs, type DurationText } from '../../domain/calendar.ts';
import { ConnectorError, Deferral } from '../connector.ts';

/** Why a call failed. Closed: an error of this connector has no other text. */
const REASONS = {
  status: ['refused', false, 'the system answered'],
  busy: ['unavailable', true, 'the system answered'],
  server_error: ['unavailable', true, 'the system answered'],
  timeout: ['timeout', true, 'no answer in time'],
  connection: ['unavailable', true, 'no connection, or it was lost'],
  dns: ['unavailable', true, 'the name of the host cannot be resolved'],
  tls: ['unavailable', true, 'the certificate or the handshake of the host is invalid'],
  not_json: ['unavailable', true, 'the answer is not whole JSON'],
  unexpected_answer: ['refused', false, 'the answer has an unexpected form'],
  too_large: ['refused', false, 'the answer is larger than maxAnswerBytes'],
  private_address: [
    'refused',
    false,
    'the host has a private address, or is not encrypted; allowPrivate does not list it',
  ],
  redirect: ['refused', false, 'the system redirects to another place'],
  foreign_host: ['refused', false, 'the answer names another host'],
  unknown_host: ['refused', false, 'hosts has no such name'],
  unknown_secret: ['refused', false, 'secrets has no such name'],
  unsafe_path: ['refused', false, 'a value is empty or would change the path'],
  untagged_path: ['refused', false, 'a path was not written with the tag path'],
  too_many_pages: ['refused', false, 'the pages have no end'],
  unsupported_scope: ['refused', false, 'this connector cannot do this scope'],
  unknown_kind: ['refused', false, 'this connector has no subjects of this kind'],
  missing_secret: ['refused', false, 'a variable that env() names is not set'],
  no_token: ['refused', false, 'the system gave no token'],
  invalid_duration: ['refused', false, 'a function returned an invalid duration'],
  invalid_result: ['refused', false, 'a function returned a result of another form'],
  function_failed: ['refused', false, "an error in the configuration's own function"],
  named_refusal: ['refused', false, 'refused'],
  named_outage: ['unavailable', true, 'unavailable'],
} as const satisfies Record<string, readonly [ConnectorError['code'], boolean, string]>;
export type Reason = keyof typeof REASONS;

interface Details {
  /** The status of the answer. Null without one. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** The literal that the configuration passes to `refused` or `unavailable`. */
  readonly name?: string;
}

/** An error of a call or of a function. Its message has only figures and texts of this file, or a literal of the configuration. */
export class HttpError extends ConnectorError {
  readonly reason: Reason;
  readonly status: number | null;
  constructor(reason: Reason, { status, retryAfterMs, name }: Details = {}) {
    const [code, retryable, text] = REASONS[reason];
    const detail = status ?? (name !== undefined && NAME.test(name) ? name : undefined);
    super(code, detail === undefined ? text : `${text} ${detail}`, {
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
    this.name = 'HttpError';
    this.reason = reason;
    this.status = status ?? null;
  }
}

const NAME = /^[a-z]+(_[a-z]+){0,8}$/;

/** Accepts a literal only, so that no value of an answer or of a person becomes part of an error. */
type Literal<Text extends string> = string extends Text ? never : Text;

/** An error for an operator, which is not retried. `name` says why in words such as `job_was_revoked`. */
export const refused = <const Name extends string>(name: Literal<Name>): HttpError =>
  new HttpError('named_refusal', { name });

/** An error that is retried, after `retryAfterMs` if given. */
export const unavailable = <const Name extends string>(name: Literal<Name>, retryAfterMs?: number): HttpError =>
  new HttpError('named_outage', { name, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });

/** Ends the attempt without a failure: Lethe calls the function again after this time. */
export function notYet(wait: DurationText): Deferral {
  const ms = durationMs(wait);
  if (ms === null) throw new HttpError('invalid_duration');
  return new Deferral(new Date(Date.now() + ms));
}

/** Runs a function of the configuration. Its own errors can contain an identity, so their text is dropped. */
export async function runFunction<Result>(signal: AbortSignal, work: () => Promise<Result> | Result): Promise<Result> {
  signal.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    throw toFunctionError(signal, error);
  }
}

export function toFunctionError(signal: AbortSignal, error: unknown): Error {
  if (signal.aborted) return toError(signal.reason);
  if (error instanceof CallbackError) return error.error;
  return error instanceof HttpError || error instanceof Deferral ? error : new HttpError('function_failed');
}

const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error('cancelled'));
