import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Logger } from 'pino';
import { errorCode, isBusy, isStorageUnavailable } from '../../db/errors.ts';
import { DomainError, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';
import { PROBLEMS, problemType } from './problems.ts';
import { routeOf } from './route.ts';

/** The response for every error (RFC 9457). `detail` never contains a text of a driver or a value of a caller. */
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
    // The headers of a token that was revoked or expired during the call are already set.
    for (const name of ['RateLimit', 'RateLimit-Policy']) c.header(name, undefined);
  }
  if (code === 'idempotency_key_in_use') c.header('Retry-After', '1');
  if (code === 'storage_unavailable' || code === 'busy') c.header('Retry-After', '5');
  return c.body(JSON.stringify({ ...body, ...more }), status);
}

/** Errors that hono and its validators throw, by status. */
const HONO_ERRORS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['malformed_json', 'The body is not valid JSON. Nothing was changed; send one JSON object.'],
  415: [
    'unsupported_media_type',
    'The body is not declared as JSON. Nothing was changed; send Content-Type: application/json.',
  ],
};

export const onError =
  (logger: Logger) =>
  (error: Error, c: Context<AppEnv>): Response => {
    if (error instanceof DomainError) return problem(c, error.code, error.message, error.details);
    const known = error instanceof HTTPException ? HONO_ERRORS[error.status] : undefined;
    if (known !== undefined) return problem(c, ...known);
    const fields = { requestId: c.get('requestId'), route: routeOf(c), name: error.name, code: errorCode(error) };
    if (isStorageUnavailable(error)) {
      logger.warn(fields, 'database unavailable');
      return problem(
        c,
        'storage_unavailable',
        'The database of Lethe cannot be reached. The call was stored completely or not at all; retry it later.',
      );
    }
    if (isBusy(error)) {
      logger.warn(fields, 'call cut off by a timeout of the database');
      return problem(
        c,
        'busy',
        'The call waited too long for another change, or took too long. Nothing was changed; retry it after the seconds in Retry-After.',
      );
    }
    logger.error({ ...fields, at: stackFrames(error) }, 'unexpected error');
    return problem(
      c,
      'internal',
      'An unexpected error occurred. The log of the API has the cause under the id in `instance`.',
    );
  };

/** The stack without the message, which may quote what the caller sent. */
const stackFrames = (error: Error): readonly string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
