import type { SubmittedIdentity } from '../db/requests/create.ts';
import { canonicalOrNull } from '../domain/identity-forms.ts';
import {
  type IdentityTypes,
  type InvalidReason,
  identityText,
  type NamedIdentity,
  normalize,
} from '../domain/identity.ts';
import { type ValidationError, bodyError, invalidRequest } from './http/validation-errors.ts';

/** An identity in a request body. A text is the same as a list with that one text. */
export interface SentIdentity {
  readonly type: string;
  readonly value: string | readonly string[];
}

/** Reasons that reject a submission. The others become the outcome `invalid`: such a value matches no subject. */
const REJECTING_REASONS: ReadonlySet<InvalidReason> = new Set([
  'unknown_type',
  'wrong_number_of_values',
  'empty',
  'too_long',
  'control_characters',
]);

function identityError(
  types: IdentityTypes,
  { type }: SentIdentity,
  reason: InvalidReason,
  pointer: string,
): ValidationError {
  const field = reason === 'unknown_type' ? 'type' : 'value';
  return bodyError(`${pointer}/${field}`, reason, invalidText(types, type, reason));
}

function invalidText(types: IdentityTypes, type: string, reason: InvalidReason): string {
  switch (reason) {
    case 'unknown_type':
      return unknownTypeText(types);
    case 'wrong_number_of_values':
      return partsText(identityTypeOf(types, type)?.parts ?? 1);
    case 'empty':
      return 'must not be empty';
    case 'too_long':
      return 'must have at most 1024 characters';
    case 'control_characters':
      return 'must not contain control characters or unpaired surrogates';
    case 'surrounding_whitespace':
      return 'must not begin or end with a blank';
    case 'not_a_uuid':
      return 'must be a UUID';
    case 'not_an_integer':
      return 'must be a 64-bit integer';
    case 'ambiguous':
      return 'identifies several subjects';
  }
}

export function unknownTypeText(types: IdentityTypes): string {
  const known = Object.keys(types).join(', ');
  return known === ''
    ? 'is unknown; no system holds this kind of subject'
    : `is unknown; known identity types: ${known}`;
}

const partsText = (parts: number): string =>
  parts === 1 ? 'must be one text' : `must be a list of ${parts} texts, one for each column of the identity type`;

const partsOf = ({ value }: SentIdentity): readonly string[] => (typeof value === 'string' ? [value] : value);

/**
 * Collects submitted identities in order, and marks those that are invalid or equal an earlier one. Whether values that
 * are spelled differently are duplicates is known once the directory has found their subjects.
 */
export function createIdentityList(types: IdentityTypes) {
  const first = new Map<string, number>();
  const identities: SubmittedIdentity[] = [];
  const toSubmitted = (type: string, parts: readonly string[], line: number | null): SubmittedIdentity => {
    const normal = normalize(identityTypeOf(types, type), parts);
    if ('invalid' in normal)
      return { type, value: null, outcome: 'invalid', reason: normal.invalid, duplicateOf: null, line };
    const text = identityText({ type, value: normal.value });
    const duplicateOf = first.get(text) ?? null;
    if (duplicateOf === null) first.set(text, identities.length + 1);
    const outcome = duplicateOf === null ? null : 'duplicate';
    const named = nameIdentity(types, type, normal.value);
    return { ...named, outcome, reason: null, duplicateOf, line };
  };
  const add = (type: string, parts: readonly string[], line: number | null = null): SubmittedIdentity => {
    const identity = toSubmitted(type, parts, line);
    identities.push(identity);
    return identity;
  };
  return { identities, add };
}

/** The error of one submitted identity, if it rejects the submission. */
export function identityErrors(types: IdentityTypes, sent: SentIdentity, pointer: string): readonly ValidationError[] {
  const normal = normalize(identityTypeOf(types, sent.type), partsOf(sent));
  return 'invalid' in normal && REJECTING_REASONS.has(normal.invalid)
    ? [identityError(types, sent, normal.invalid, pointer)]
    : [];
}

/** Appends to `errors`. */
export function parseSubmittedIdentities(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  errors: ValidationError[],
): readonly SubmittedIdentity[] {
  const list = createIdentityList(types);
  for (const [index, identity] of sent.entries()) {
    const { reason } = list.add(identity.type, partsOf(identity));
    if (reason === null || !REJECTING_REASONS.has(reason)) continue;
    errors.push(identityError(types, identity, reason, `/subjects/identities/${index}`));
  }
  return list.identities;
}

/** Every invalid exception is an error: it would exclude no subject. Appends to `errors`. */
export function parseExceptions(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  errors: ValidationError[],
): readonly NamedIdentity[] {
  return validIdentities(types, sent, (index) => `/subjects/except/${index}`, errors);
}

/** For holds, look-ups and suppressions, where every invalid value is an error. */
export function parseIdentities(types: IdentityTypes, sent: readonly SentIdentity[]): readonly NamedIdentity[] {
  return requireValid(types, sent, (index) => `/identities/${index}`);
}

export function parseIdentity(types: IdentityTypes, sent: SentIdentity): NamedIdentity {
  const [known] = requireValid(types, [sent], () => '/identity');
  if (known === undefined) throw new Error('one identity was sent and none was read');
  return known;
}

/** Throws `invalid_request` with every error. */
function requireValid(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  pointer: (index: number) => string,
): readonly NamedIdentity[] {
  const errors: ValidationError[] = [];
  const identities = validIdentities(types, sent, pointer, errors);
  if (errors.length > 0) throw invalidRequest(errors);
  return identities;
}

function validIdentities(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  pointer: (index: number) => string,
  errors: ValidationError[],
): readonly NamedIdentity[] {
  return sent.flatMap((identity, index): NamedIdentity[] => {
    const normal = normalize(identityTypeOf(types, identity.type), partsOf(identity));
    if ('value' in normal) return [nameIdentity(types, identity.type, normal.value)];
    errors.push(identityError(types, identity, normal.invalid, pointer(index)));
    return [];
  });
}

const nameIdentity = (types: IdentityTypes, type: string, value: readonly string[]): NamedIdentity => ({
  type,
  value,
  canonical: canonicalOrNull(identityTypeOf(types, type)?.comparison ?? 'exact', value),
});

/** Own properties only: `constructor` is not an identity type. */
export const identityTypeOf = (types: IdentityTypes, type: string) =>
  Object.hasOwn(types, type) ? types[type] : undefined;
