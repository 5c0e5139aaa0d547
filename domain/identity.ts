/** A typed value that identifies a subject, such as an email address or a customer number. */
export interface Identity {
  readonly type: string;
  /** One text per column, in column order: `['u-17']`, or `['ann@x.test', 'berlin']` for a composite type. */
  readonly value: readonly string[];
}

/** An identity that a caller named. `canonical` is the form by which the ledger finds it, if that is not its value. */
export interface NamedIdentity extends Identity {
  readonly canonical?: readonly string[] | null;
}

/** One identity of the subject `seq` of a batch. */
export interface SubjectIdentity {
  readonly seq: number;
  readonly identity: Identity;
}

/** One fact that the directory returns about the subject whose key is `key`. */
export type Resolved =
  /** The submitted identity at `position` belongs to the subject. `position` is null for a segment or everyone. */
  | { readonly fact: 'match'; readonly position: number | null; readonly key: Identity }
  | {
      readonly fact: 'identity';
      readonly key: Identity;
      readonly identity: Identity;
      readonly origin: 'identity' | 'alias';
      /**
       * The number of other subjects with this identity. A directory may stop counting above the number of keys asked
       * for.
       */
      readonly sharers: number;
    };

/**
 * How values of an identity type compare (rule 10). The database of a system compares `caseInsensitive` values by its own
 * lower case, so they are never folded here, except for digests of the ledger (`canonicalValue`).
 */
export type Comparison = 'exact' | 'caseInsensitive' | 'uuid' | 'integer';

/** The properties of an identity type, from the data map. */
export interface IdentityType {
  readonly comparison: Comparison;
  /** Number of values: 1, or the number of columns of a composite type. */
  readonly parts: number;
}
/** Identity types by name. */
export type IdentityTypes = Readonly<Record<string, IdentityType>>;

/** The identity type of aliases. An alias may belong to several subjects (rule 8). */
export const ALIAS = 'alias';

/**
 * Why a submitted identity is `invalid`. `ambiguous`: it is no alias and belongs to several subjects.
 * `surrounding_whitespace`: the value of an `exact` type has blanks around it, and names no subject with them.
 */
export type InvalidReason =
  | 'unknown_type'
  | 'wrong_number_of_values'
  | 'empty'
  | 'too_long'
  | 'control_characters'
  | 'surrounding_whitespace'
  | 'not_a_uuid'
  | 'not_an_integer'
  | 'ambiguous';

/**
 * The value of an identity in the form in which systems receive it, or the reason why it is invalid for its type.
 * `isPadded`: it has blanks around it, which an `exact` type keeps.
 */
export type Normalized =
  | { readonly value: readonly string[]; readonly isPadded: boolean }
  | { readonly invalid: InvalidReason };

const MAX_VALUE_LENGTH = 1_024;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;
const INTEGER = /^-?(0|[1-9]\d{0,18})$/;
const BIGINT_MAX = 9_223_372_036_854_775_807n;
// C0, DEL, C1 and unpaired surrogates: PostgreSQL rejects some of them, and the others are invisible.
const CONTROL = /[\p{Cc}\p{Cs}]/u;

/**
 * Characters that show as a blank or as nothing: white space, zero-width characters and marks of direction. A bracket
 * expression of both JavaScript and PostgreSQL.
 */
export const BLANKS =
  '[\\u0009-\\u000D\\u0020\\u0085\\u00A0\\u1680\\u180E\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u2064\\u2066-\\u2069\\u3000\\uFEFF]';
const BLANK = new RegExp(BLANKS);

/** Removes the blanks around a text. */
export function trimBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/**
 * Normalizes a submitted value: removes blanks around it, except for an `exact` type, and writes UUIDs and integers in one
 * way. Keeps the case and the Unicode form of a text, because the database decides which texts are equal.
 */
export function normalize(type: IdentityType | undefined, value: readonly string[]): Normalized {
  if (type === undefined) return { invalid: 'unknown_type' };
  if (value.length !== type.parts) return { invalid: 'wrong_number_of_values' };
  const parts: string[] = [];
  for (const part of value) {
    const normal = normalizePart(type.comparison, part);
    if ('invalid' in normal) return normal;
    parts.push(normal.part);
  }
  return { value: parts, isPadded: type.comparison === 'exact' && parts.some((part) => trimBlanks(part) !== part) };
}

/** A value from a database, unchanged except for UUIDs and integers. Undefined for a value that is no identity. */
export function normalizeStored(
  { comparison, parts }: IdentityType,
  value: readonly string[],
): readonly string[] | undefined {
  const kept = comparison === 'caseInsensitive' ? 'exact' : comparison;
  const normal = normalize({ comparison: kept, parts }, value);
  return 'invalid' in normal ? undefined : normal.value;
}

function normalizePart(comparison: Comparison, part: string): { part: string } | { invalid: InvalidReason } {
  const trimmed = trimBlanks(part);
  const kept = comparison === 'exact' ? part : trimmed;
  if (trimmed.length === 0) return { invalid: 'empty' };
  if (kept.length > MAX_VALUE_LENGTH) return { invalid: 'too_long' };
  if (CONTROL.test(kept)) return { invalid: CONTROL.test(trimmed) ? 'control_characters' : 'surrounding_whitespace' };
  switch (comparison) {
    case 'exact':
    case 'caseInsensitive':
      return { part: kept };
    case 'uuid':
      return uuid(kept.toLowerCase());
    case 'integer':
      return integer(kept);
  }
}

function uuid(part: string): { part: string } | { invalid: InvalidReason } {
  if (!UUID.test(part)) return { invalid: 'not_a_uuid' };
  const hex = part.replaceAll('-', '');
  return { part: [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-') };
}

function integer(part: string): { part: string } | { invalid: InvalidReason } {
  if (!INTEGER.test(part)) return { invalid: 'not_an_integer' };
  const value = BigInt(part);
  if (value > BIGINT_MAX || value < -BIGINT_MAX - 1n) return { invalid: 'not_an_integer' };
  return { part: value.toString() };
}

/** The text that is digested. It is unambiguous, because no valid value contains a control character. */
export const identityText = (identity: Identity): string => `${identity.type}\u0000${identity.value.join('\u0001')}`;
