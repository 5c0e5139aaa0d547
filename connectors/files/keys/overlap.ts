import type { IdentityTypes } from '../../../domain/identity.ts';
import type { KeyPattern, Segment } from './key-pattern.ts';

/** A pattern, and the identity types of its kind. */
export interface Placed {
  readonly pattern: KeyPattern;
  readonly types: IdentityTypes;
  /** Two kinds can have a type of the same name. */
  readonly kind: string;
  readonly encode: 'percent' | undefined;
}

/**
 * Whether two patterns can select the same object. `same`: only for the same subject, so it would count twice. `other`: also
 * for two subjects, so one would lose the objects of the other.
 */
export function overlapOf(a: Placed, b: Placed): 'same' | 'other' | null {
  const [shorter, longer] = a.pattern.segments.length <= b.pattern.segments.length ? [a, b] : [b, a];
  const isBelow = longer.pattern.segments.length > shorter.pattern.segments.length;
  // A single object has nothing below, and a folder does not contain the object beside it.
  if (isBelow ? !shorter.pattern.isPrefix : a.pattern.isPrefix !== b.pattern.isPrefix) return null;
  const pairs = shorter.pattern.segments.map((segment, index) => [segment, longer.pattern.segments[index]] as const);
  let areSame = a.kind === b.kind && a.encode === b.encode;
  for (const [one, other] of pairs) {
    if (other === undefined || !canBeEqual({ ...shorter, segment: one }, { ...longer, segment: other })) return null;
    const hasPlaceholder = one.placeholder !== null || other.placeholder !== null;
    if (hasPlaceholder && !isSame(one, other)) areSame = false;
  }
  const isNamed = pairs.some(([one, other]) => other !== undefined && one.placeholder !== null && isSame(one, other));
  return areSame && isNamed ? 'same' : 'other';
}

const isSame = (a: Segment, b: Segment): boolean =>
  a.before === b.before &&
  a.after === b.after &&
  a.placeholder?.type === b.placeholder?.type &&
  a.placeholder?.part === b.placeholder?.part &&
  a.placeholder?.letters === b.placeholder?.letters;

interface Candidate extends Placed {
  readonly segment: Segment;
}

/** Whether two names can be equal. Says yes in doubt. */
function canBeEqual(a: Candidate, b: Candidate): boolean {
  const [one, other] = [a.segment, b.segment];
  if (one.placeholder === null && other.placeholder === null) return one.before === other.before;
  if (one.placeholder === null) return fits(b, one.before);
  if (other.placeholder === null) return fits(a, other.before);
  const begins = one.before.startsWith(other.before) || other.before.startsWith(one.before);
  const ends = one.after.endsWith(other.after) || other.after.endsWith(one.after);
  if (!begins || !ends) return false;
  // A UUID is no integer.
  const hasSameTexts = one.before === other.before && one.after === other.after;
  const comparisons = [comparisonOf(a), comparisonOf(b)];
  return !(hasSameTexts && comparisons.includes('uuid') && comparisons.includes('integer'));
}

const comparisonOf = ({ types, pattern }: Candidate) => types[pattern.type]?.comparison;

const VALUES: Readonly<Record<string, RegExp>> = { uuid: /^[0-9a-f-]{36}$/i, integer: /^-?\d+$/ };

/** Whether the placeholder between its texts can be this name. */
function fits(candidate: Candidate, name: string): boolean {
  const { before, after } = candidate.segment;
  if (name.length <= before.length + after.length || !name.startsWith(before) || !name.endsWith(after)) return false;
  const value = name.slice(before.length, name.length - after.length);
  return VALUES[comparisonOf(candidate) ?? '']?.test(value) ?? true;
}
