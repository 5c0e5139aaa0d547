import type { Context } from 'hono';
import type { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';
import { validationText } from './validation-texts.ts';

/** `pointer` is a JSON pointer into the body, or the name of a parameter or header after a slash. */
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
  new DomainError('invalid_request', `${countOf(errors)}. Nothing was changed.`, {
    ...more,
    errors: errors.slice(0, ERRORS_SHOWN),
  });

function countOf({ length }: readonly ValidationError[]): string {
  const listed = length > ERRORS_SHOWN ? `the first ${ERRORS_SHOWN} are listed` : 'listed';
  return `${length} validation ${length === 1 ? 'error' : 'errors'}, ${listed} in \`errors\``;
}

export const bodyError = (pointer: string, code: string, detail: string): ValidationError => ({
  in: 'body',
  pointer,
  code,
  detail,
});

/**
 * The default hook of zod-openapi: throws `invalid_request` when validation fails. zod-openapi reads a missing body as
 * `{}`, which can mean "all", so a call without a body and a Content-Type is rejected. `furtherErrors` finds the errors that
 * a schema cannot find.
 */
export function onValidationError(
  result: { success: boolean; target: string; data?: unknown; error?: z.core.$ZodError },
  c: Context<AppEnv>,
  furtherErrors: (body: unknown) => readonly ValidationError[] = () => [],
): void {
  if (result.target === 'json' && c.req.header('Content-Type') === undefined)
    throw invalidRequest([
      bodyError('', 'missing', 'is required: send a JSON body with the header Content-Type: application/json'),
    ]);
  if (result.error === undefined) return;
  const errors = validationErrors(result.error, PLACES[result.target] ?? 'query', result.data);
  throw invalidRequest(result.target === 'json' ? [...errors, ...furtherErrors(result.data)] : errors);
}

const PLACES: Readonly<Record<string, ValidationError['in']>> = { json: 'body', header: 'header' };

/** Every error that a schema found in `input`. */
export const validationErrors = (
  error: z.core.$ZodError,
  place: ValidationError['in'],
  input: unknown,
): readonly ValidationError[] =>
  error.issues.map((issue) => ({
    in: place,
    pointer: issue.path.map((part) => `/${String(part)}`).join(''),
    code: issue.code,
    detail: validationText(issue, isMissing(input, issue.path)),
  }));

/** False below a value that is not an object: a schema may split a text into a list. */
function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return input === undefined;
  return typeof input === 'object' && input !== null && isMissing(Reflect.get(input, key), rest);
}
