import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Logger } from 'pino';
import { errorCode, isStorageUnavailable } from '../../db/errors.ts';
import { DomainError, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';
import { PROBLEMS, problemType } from './problems.ts';

/** One answer for every error (RFC 9457). `detail` is a sentence of ours: no text of a driver, no value of a caller. */
export function problem(
  c: Context<AppEnv>,
  code: ErrorCode,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
): Response {
  const status = ERROR_STATUS[code];
  const body = {
    type: problemType(code),
    title: PROBLEMS[code].title,
    status,
    detail,
    instance: c.get('requestId'),
    code,
  };
  c.header('Content-Type', 'application/problem+json');
  if (code === 'unauthorized') {
    c.header('WWW-Authenticate', 'Bearer realm="lethe"');
    // A token that ended while the call was on its way had a budget until then.
    for (const name of ['RateLimit', 'RateLimit-Policy']) c.header(name, undefined);
  }
  if (code === 'idempotency_key_in_use') c.header('Retry-After', '1');
  if (code === 'storage_unavailable') c.header('Retry-After', '5');
  return c.body(JSON.stringify({ ...body, ...more }), status);
}

/** What hono and its validators throw, by status. */
const THROWN: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['malformed_json', 'the body cannot be read as JSON'],
  415: ['unsupported_media_type', 'the body is of another media type'],
};

export const onError =
  (logger: Logger) =>
  (error: Error, c: Context<AppEnv>): Response => {
    if (error instanceof DomainError) return problem(c, error.code, error.message, error.details);
    const thrown = error instanceof HTTPException ? THROWN[error.status] : undefined;
    if (thrown !== undefined) return problem(c, ...thrown);
    const fields = { requestId: c.get('requestId'), name: error.name, code: errorCode(error) };
    if (isStorageUnavailable(error)) {
      logger.warn(fields, 'the ledger cannot be reached');
      return problem(
        c,
        'storage_unavailable',
        'the ledger cannot be reached; what is asked is stored whole or not at all',
      );
    }
    logger.error({ ...fields, at: frames(error) }, 'an error that nobody expected');
    return problem(c, 'internal', 'the cause is in the log under the id in `instance`');
  };

/** Where it happened, without the message, which may quote what was sent. */
const frames = (error: Error): readonly string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
