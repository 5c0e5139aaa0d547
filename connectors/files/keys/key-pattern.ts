import type { Comparison, IdentityType } from '../../../domain/identity.ts';

/** A key with an identity in it. A pattern that ends with a slash selects everything below, another one a single object. */
export interface KeyPattern {
  readonly segments: readonly Segment[];
  readonly isPrefix: boolean;
  /** The identity type of its placeholders. */
  readonly type: string;
}
/** A name between slashes: a text, or a placeholder between two texts. */
export interface Segment {
  readonly before: string;
  readonly placeholder: Placeholder | null;
  readonly after: string;
}
export interface Placeholder {
  readonly type: string;
  /** The index of the value in a composite identity. */
  readonly part: number;
  readonly letters: 'lower' | 'upper' | null;
}

const SEGMENT = /^([^{}]*)(?:\{([A-Za-z][A-Za-z0-9_]*)(?:\.([1-8]))?(?::(lower|upper))?\}([^{}]*))?$/;
const UNUSABLE = /[\p{Cc}\p{Cs}]/u;

/** Reads a pattern, or says what is wrong with it. */
export function readPattern(
  text: string,
  types: Readonly<Record<string, IdentityType>>,
): { readonly pattern: KeyPattern } | { readonly error: string } {
  const names = text.split('/');
  const isPrefix = names.at(-1) === '';
  if (isPrefix) names.pop();
  if (names.length === 0 || names.includes(''))
    return { error: 'must not be empty, begin with a slash, or have two slashes in a row' };
  const segments: Segment[] = [];
  for (const name of names) {
    const match = SEGMENT.exec(name);
    if (match === null)
      return { error: 'must have at most one placeholder such as {user_id} or {email:lower} between two slashes' };
    const [, before = '', type, part = '1', letters, after = ''] = match;
    if (UNUSABLE.test(name)) return { error: 'must not have control characters' };
    if (name === '.' || name === '..') return { error: 'must not have . or .. between two slashes' };
    const placeholder = type === undefined ? null : { type, part: Number(part) - 1, letters: lettersOf(letters) };
    segments.push({ before, placeholder, after });
  }
  const placeholders = segments.flatMap(({ placeholder }) => placeholder ?? []);
  const [first] = placeholders;
  if (first === undefined)
    return { error: 'must have a placeholder such as {user_id}, or it would select all objects' };
  const error = placeholderError(placeholders, first.type, types);
  return error === null ? { pattern: { segments, isPrefix, type: first.type } } : { error };
}

const lettersOf = (text: string | undefined): Placeholder['letters'] =>
  text === 'lower' || text === 'upper' ? text : null;

function placeholderError(
  placeholders: readonly Placeholder[],
  name: string,
  types: Readonly<Record<string, IdentityType>>,
): string | null {
  const type = types[name];
  if (placeholders.some((each) => each.type !== name)) return 'must have placeholders of one identity type only';
  if (type === undefined) return `names the identity type ${name}, which is not under identities`;
  if (placeholders.some(({ part }) => part >= type.parts))
    return `names more values than ${name} has, which are ${type.parts}`;
  if (new Set(placeholders.map(({ part }) => part)).size < type.parts)
    return `must have every value of ${name}, from {${name}.1} to {${name}.${type.parts}}, because other subjects share one`;
  for (const { letters } of placeholders) {
    const error = lettersError(name, type.comparison, letters);
    if (error !== null) return error;
  }
  return null;
}

function lettersError(name: string, comparison: Comparison, letters: Placeholder['letters']): string | null {
  if (comparison === 'caseInsensitive' && letters === null)
    return `needs {${name}:lower} or {${name}:upper}, because ${name} compares without case and keys do not`;
  if ((comparison === 'exact' || comparison === 'integer') && letters !== null)
    return `must not change the letters of ${name}, because two subjects could then have one key`;
  return null;
}

/**
 * The key of an identity, or null if the identity cannot be part of one: its key would lie elsewhere, or Lethe cannot say
 * which letters the application wrote.
 */
export function keyOf({ segments, isPrefix }: KeyPattern, value: readonly string[], encode?: 'percent'): string | null {
  const names: string[] = [];
  for (const { before, placeholder, after } of segments) {
    const text = placeholder === null ? '' : partOf(value[placeholder.part] ?? '', placeholder.letters, encode);
    const name = text === null ? null : `${before}${text}${after}`;
    if (name === null || name === '' || name === '.' || name === '..') return null;
    names.push(name);
  }
  return `${names.join('/')}${isPrefix ? '/' : ''}`;
}

function partOf(value: string, letters: Placeholder['letters'], encode?: 'percent'): string | null {
  if (value === '' || UNUSABLE.test(value)) return null;
  const text = changeLetters(value, letters);
  if (text === null) return null;
  if (encode === 'percent') return encodePart(text);
  return text.includes('/') ? null : text;
}

/** Null for letters of which systems make different ones, such as the Kelvin sign. */
function changeLetters(value: string, letters: Placeholder['letters']): string | null {
  if (letters === null) return value;
  const change = (text: string): string => (letters === 'lower' ? text.toLowerCase() : text.toUpperCase());
  const changed = value.replaceAll(/[A-Za-z]/g, change);
  return change(changed) === changed ? changed : null;
}

/** As `encodeURIComponent`, which leaves dots as they are. */
const encodePart = (text: string): string =>
  text === '.' || text === '..' ? text.replaceAll('.', '%2E') : encodeURIComponent(text);
