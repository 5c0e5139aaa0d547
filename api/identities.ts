import type { SubmittedIdentity } from '../db/requests/create.ts';
import { type Identity, type IdentityTypes, type InvalidReason, identityText, normalise } from '../domain/identity.ts';
import { type ValidationError, bodyError, invalidRequest } from './http/validation-errors.ts';

/** An identity as it is sent: one text may stand for a list of one. */
export interface SentIdentity {
  readonly type: string;
  readonly value: string | readonly string[];
}

/** Errors of the caller, by reason. The two absent reasons are outcomes: such a value matches no subject. */
const MESSAGES: Readonly<Partial<Record<InvalidReason, { readonly at: 'type' | 'value'; readonly detail: string }>>> = {
  unknown_type: { at: 'type', detail: 'is no identity type of this project and kind of subject' },
  wrong_number_of_values: { at: 'value', detail: 'has not as many parts as the type has columns' },
  empty: { at: 'value', detail: 'is empty' },
  too_long: { at: 'value', detail: 'is longer than 1024 characters' },
  control_characters: { at: 'value', detail: 'contains control characters or half a character' },
};

const partsOf = ({ value }: SentIdentity): readonly string[] => (typeof value === 'string' ? [value] : value);

/** Identities as they are submitted, one after the other: in their normalised form, with what can be said at once. */
export function identityList(types: IdentityTypes) {
  const first = new Map<string, number>();
  const identities: SubmittedIdentity[] = [];
  const judged = (type: string, parts: readonly string[], line: number | null): SubmittedIdentity => {
    const normal = normalise(typeOf(types, type), parts);
    if ('invalid' in normal)
      return { type, value: null, outcome: 'invalid', reason: normal.invalid, duplicateOf: null, line };
    const text = identityText({ type, value: normal.value });
    const duplicateOf = first.get(text) ?? null;
    if (duplicateOf === null) first.set(text, identities.length + 1);
    const outcome = duplicateOf === null ? null : 'duplicate';
    return { type, value: normal.value, outcome, reason: null, duplicateOf, line };
  };
  const add = (type: string, parts: readonly string[], line: number | null = null): SubmittedIdentity => {
    const identity = judged(type, parts, line);
    identities.push(identity);
    return identity;
  };
  return { identities, add };
}

/** Appends to `errors`. */
export function submittedIdentities(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  errors: ValidationError[],
): readonly SubmittedIdentity[] {
  const list = identityList(types);
  for (const [index, identity] of sent.entries()) {
    const { reason } = list.add(identity.type, partsOf(identity));
    if (reason === null) continue;
    const error = MESSAGES[reason];
    if (error !== undefined) errors.push(bodyError(`/subjects/identities/${index}/${error.at}`, reason, error.detail));
  }
  return list.identities;
}

/** Every invalid exception is an error: it would exclude no subject. Appends to `errors`. */
export function exceptedIdentities(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  errors: ValidationError[],
): readonly Identity[] {
  return validIdentities(types, sent, (index) => `/subjects/except/${index}`, errors);
}

/** For holds, look-ups and suppressions, where every invalid value is an error. */
export function knownIdentities(types: IdentityTypes, sent: readonly SentIdentity[]): readonly Identity[] {
  return requireValid(types, sent, (index) => `/identities/${index}`);
}

export function knownIdentity(types: IdentityTypes, sent: SentIdentity): Identity {
  const [known] = requireValid(types, [sent], () => '/identity');
  if (known === undefined) throw new Error('one identity is one identity');
  return known;
}

/** Throws `invalid_request` with every error. */
function requireValid(
  types: IdentityTypes,
  sent: readonly SentIdentity[],
  pointer: (index: number) => string,
): readonly Identity[] {
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
): readonly Identity[] {
  return sent.flatMap((identity, index): Identity[] => {
    const normal = normalise(typeOf(types, identity.type), partsOf(identity));
    if ('value' in normal) return [{ type: identity.type, value: normal.value }];
    const error = MESSAGES[normal.invalid] ?? { at: 'value', detail: 'is no value of its type' };
    errors.push(bodyError(`${pointer(index)}/${error.at}`, normal.invalid, error.detail));
    return [];
  });
}

/** `constructor` and its like are not identity types. */
export const typeOf = (types: IdentityTypes, type: string) => (Object.hasOwn(types, type) ? types[type] : undefined);
