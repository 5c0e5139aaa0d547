import { type SQL, sql } from 'drizzle-orm';
import { SUBJECT_KINDS, type SubjectKind } from '../domain/vocabulary.ts';

/*
 * Arrays as one parameter. Drizzle expands a bare array in a template to a list with one parameter per element,
 * `($1, $2)`, which `ANY(…)` and `unnest(…)` do not accept.
 */
export const textArray = (values: readonly (string | null)[] | null): SQL => sql`${sql.param(values)}::text[]`;
export const intArray = (values: readonly (number | null)[] | null): SQL => sql`${sql.param(values)}::integer[]`;
export const bigintArray = (values: readonly number[]): SQL => sql`${sql.param(values)}::bigint[]`;

/** Binary values as a set for `IN (…)`. */
export const bytesIn = (values: readonly Buffer[]): SQL =>
  sql`(SELECT decode(hex, 'hex') FROM unnest(${textArray(values.map((value) => value.toString('hex')))}) hex)`;

/** A `text[]` as text, `{"ann@x.test","berlin"}`, so that arrays of different lengths fit into one array parameter. */
export const arrayLiteral = (parts: readonly string[]): string =>
  `{${parts.map((part) => `"${part.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`).join(',')}}`;

/**
 * Every kind of subject with every state, or the given ones, as `kinds.kind` and `states.state`. A lateral page for each
 * needs one index scan; a single scan for all would read many rows to find a rare state.
 */
export const kindsAndStates = <State extends string>(
  { kind, state }: { readonly kind?: SubjectKind | undefined; readonly state?: State | undefined },
  states: readonly State[],
): SQL =>
  sql`unnest(${textArray(kind === undefined ? SUBJECT_KINDS : [kind])}) AS kinds (kind)
    CROSS JOIN unnest(${textArray(state === undefined ? states : [state])}) AS states (state)`;
