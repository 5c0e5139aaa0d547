/**
 * Characters that a reader cannot see or that reorder or break a line: control, format, separator, surrogate and
 * private-use characters, and letters that show as a blank. The selectors of emoji are allowed.
 */
const INVISIBLE =
  /[[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}\u2800]--[\uFE00-\uFE0F]]/v;

export const hasInvisibleCharacters = (text: string): boolean => INVISIBLE.test(text);

export const INVISIBLE_TEXT =
  'must not contain invisible characters, such as control, format, separator or private-use characters';

/** The one stored form of a name, a reference or a reason: NFC, without blanks around it. */
export const normalizeText = (text: string): string => text.normalize('NFC').trim();

/** Actors of the audit log that are no members. No member or token has a name that looks like one of them. */
const ACTORS = ['lethe', 'operator'];

/** Letters and signs of other scripts that look like a letter of `ACTORS`. The case is folded before. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  l: '1|!i\u0131\u0269\u03b9\u0456\u04cf\u05c0\u05df\u0627\u2223\u01c0\uabae\u14aa',
  e: '3\u0435\u0454\u04bd\u03b5\u20ac',
  t: '7\u0442\u03c4\uab72\u2020',
  h: '\u04bb\u043d\u03b7\u0570\uab8b',
  o: '0\u043e\u03bf\u0585\u05e1\u0647',
  p: '\u0440\u03c1\u0569',
  r: '\u0433\uab71',
  a: '\u0430\u03b14@',
};
const LETTERS = new Map(
  Object.entries(LOOKALIKES).flatMap(([letter, alike]) => Array.from(alike, (one) => [one, letter] as const)),
);

/** The letters of a text as a reader sees them: without case, accents, width and signs between them. */
const skeletonOf = (text: string): string =>
  Array.from(text.normalize('NFKD').toLowerCase().normalize('NFKD'), (one) => LETTERS.get(one) ?? one)
    .filter((one) => /[\p{L}\p{N}]/u.test(one))
    .join('');

const RESERVED = new Set(ACTORS.map(skeletonOf));

export const isReservedName = (name: string): boolean => RESERVED.has(skeletonOf(name));

export const RESERVED_TEXT = 'must not look like the name lethe or operator, which automatic actions have';

export const MAX_NAME_LENGTH = 200;

/** What is wrong with the name of a member or a token, and its stored form. */
export function readName(name: string): { readonly name: string } | { readonly error: string } {
  if (name.length > MAX_NAME_LENGTH) return { error: `must have at most ${MAX_NAME_LENGTH} characters` };
  if (hasInvisibleCharacters(name)) return { error: INVISIBLE_TEXT };
  const normal = normalizeText(name);
  if (normal === '') return { error: 'must not be empty' };
  return isReservedName(normal) ? { error: RESERVED_TEXT } : { name: normal };
}
