import type { Context } from 'hono';
import type { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';

/** One thing that is wrong with what was sent; `pointer` is a JSON pointer, or the name of a parameter or header. */
export interface Fault {
  readonly in: 'body' | 'query' | 'header';
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export const FAULTS_SHOWN = 100;

export const invalidRequest = (faults: readonly Fault[], more: Readonly<Record<string, unknown>> = {}): DomainError =>
  new DomainError('invalid_request', `${faults.length} fault(s), listed under errors`, {
    ...more,
    errors: faults.slice(0, FAULTS_SHOWN),
  });

export const bodyFault = (pointer: string, code: string, detail: string): Fault => ({
  in: 'body',
  pointer,
  code,
  detail,
});

/**
 * For zod-openapi: a schema that refuses is answered like everything else that is invalid. A body that is not there has
 * been taken for `{}` here, which may mean all.
 */
export function refuseInvalid(
  result: { success: boolean; target: string; error?: z.core.$ZodError },
  c: Context<AppEnv>,
): void {
  if (result.target === 'json' && c.req.header('Content-Type') === undefined)
    throw invalidRequest([bodyFault('', 'missing', 'is not there')]);
  if (result.error === undefined) return;
  throw refused(result.error, PLACES[result.target] ?? 'query');
}

const PLACES: Readonly<Record<string, Fault['in']>> = { json: 'body', header: 'header' };

/** What a schema refused, as everything that it found. */
export const refused = (error: z.core.$ZodError, place: Fault['in']): DomainError =>
  invalidRequest(error.issues.map((issue) => faultOf(issue, place)));

/** Of zod's texts only this one quotes what was sent: the name of an unknown member may be anything. */
function faultOf(issue: z.core.$ZodIssue, place: Fault['in']): Fault {
  const detail = issue.code === 'unrecognized_keys' ? 'has members that are not in the document' : issue.message;
  const pointer = issue.path.map((part) => `/${String(part)}`).join('');
  return { in: place, pointer, code: issue.code, detail };
}
