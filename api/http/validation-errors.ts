import type { Context } from 'hono';
import type { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';

/** One error in what a caller sent; `pointer` is a JSON pointer, or the name of a parameter or header. */
export interface ValidationError {
  readonly in: 'body' | 'query' | 'header';
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export const ERRORS_SHOWN = 100;

export const invalidRequest = (
  errors: readonly ValidationError[],
  more: Readonly<Record<string, unknown>> = {},
): DomainError =>
  new DomainError('invalid_request', `${errors.length} fault(s), listed under errors`, {
    ...more,
    errors: errors.slice(0, ERRORS_SHOWN),
  });

export const bodyError = (pointer: string, code: string, detail: string): ValidationError => ({
  in: 'body',
  pointer,
  code,
  detail,
});

/**
 * The default hook of zod-openapi: a refusing schema throws `invalid_request`. zod-openapi takes a missing body for `{}`,
 * which can mean "all", so a JSON body without a Content-Type is refused.
 */
export function onValidationError(
  result: { success: boolean; target: string; error?: z.core.$ZodError },
  c: Context<AppEnv>,
): void {
  if (result.target === 'json' && c.req.header('Content-Type') === undefined)
    throw invalidRequest([bodyError('', 'missing', 'is not there')]);
  if (result.error === undefined) return;
  throw refused(result.error, PLACES[result.target] ?? 'query');
}

const PLACES: Readonly<Record<string, ValidationError['in']>> = { json: 'body', header: 'header' };

/** Every issue that a schema found. */
export const refused = (error: z.core.$ZodError, place: ValidationError['in']): DomainError =>
  invalidRequest(error.issues.map((issue) => toValidationError(issue, place)));

/** zod's text for unknown members quotes their names, which the caller chose, so it is replaced. */
function toValidationError(issue: z.core.$ZodIssue, place: ValidationError['in']): ValidationError {
  const detail = issue.code === 'unrecognized_keys' ? 'has members that are not in the document' : issue.message;
  const pointer = issue.path.map((part) => `/${String(part)}`).join('');
  return { in: place, pointer, code: issue.code, detail };
}
