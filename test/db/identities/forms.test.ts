import { expect, test } from 'vitest';
import { canonicalValue, otherForms, spellingsOf } from '../../../domain/identity-forms.ts';
import { type Comparison, normalize, normalizeStored } from '../../../domain/identity.ts';

const BLANKS = [' ', '\t', '\r\n', '\u00A0', '\u2007', '\u202F', '\u3000', '\u200B', '\uFEFF', '\u200E', '\u2066'];
const UUID = '0190a5e4-3c00-7000-8000-000000000001';
const VALUES: Readonly<Record<Comparison, string>> = {
  exact: 'u 1',
  caseInsensitive: 'Ann@x.test',
  uuid: UUID,
  integer: '17',
};
const COMPARISONS = ['exact', 'caseInsensitive', 'uuid', 'integer'] as const;
const normalized = (comparison: Comparison, value: string) => normalize({ comparison, parts: 1 }, [value]);

test.each(COMPARISONS.filter((comparison) => comparison !== 'exact'))(
  'removes blanks of every sort around a value of type %s',
  (comparison) => {
    const value = VALUES[comparison];
    for (const blank of BLANKS)
      expect(normalized(comparison, `${blank}${value}${blank} `)).toEqual({ value: [value], isPadded: false });
  },
);

test('keeps blanks around an exact value, and says that it has them', () => {
  expect(normalized('exact', 'u 1')).toEqual({ value: ['u 1'], isPadded: false });
  for (const blank of BLANKS.filter((each) => !/\p{Cc}/u.test(each)))
    expect(normalized('exact', `u 1${blank}`)).toEqual({ value: [`u 1${blank}`], isPadded: true });
  for (const blank of ['\t', '\r\n'])
    expect(normalized('exact', `${blank}u 1`)).toEqual({ invalid: 'surrounding_whitespace' });
  expect(normalized('exact', 'u\t1')).toEqual({ invalid: 'control_characters' });
});

test.each(COMPARISONS)('rejects a value of type %s that consists of blanks as empty', (comparison) => {
  for (const blank of ['', ...BLANKS, BLANKS.join('')])
    expect(normalized(comparison, blank)).toEqual({ invalid: 'empty' });
});

test('keeps the case and the Unicode form of submitted and of stored values, and the blanks of stored ones', () => {
  for (const value of ['\u0130PEK@x.test', 'Ju\u0308rgen', 'J\u00FCrgen'])
    expect(normalized('caseInsensitive', value)).toMatchObject({ value: [value] });
  expect(normalizeStored({ comparison: 'caseInsensitive', parts: 1 }, [' Ann '])).toEqual([' Ann ']);
  expect(normalizeStored({ comparison: 'uuid', parts: 1 }, [UUID.toUpperCase()])).toEqual([UUID]);
  expect(normalizeStored({ comparison: 'caseInsensitive', parts: 1 }, [''])).toBe(undefined);
});

test('gives exact values one canonical form only if they differ by blanks or Unicode form', () => {
  expect(canonicalValue('exact', [' J\u00FC\u3000'])).toEqual(canonicalValue('exact', ['Ju\u0308']));
  expect(canonicalValue('exact', ['Ann'])).not.toEqual(canonicalValue('exact', ['ann']));
  expect(canonicalValue('caseInsensitive', ['\u00DF'])).not.toEqual(canonicalValue('caseInsensitive', ['ss']));
});

test('lists every mix of Unicode forms of a short value, and two forms of a long one', () => {
  const [composed, decomposed] = ['\u00FC', 'u\u0308'];
  expect(otherForms(['ann', 'x'])).toEqual([]);
  expect(otherForms([composed, 'x'])).toEqual([[decomposed, 'x']]);
  expect(otherForms([composed, composed])).toHaveLength(3);
  expect(otherForms(Array.from({ length: 16 }, () => composed))).toEqual([
    Array.from({ length: 16 }, () => decomposed),
  ]);
});

test('searches for one spelling of a plain value, and for the given one where a database can tell it apart', () => {
  expect(spellingsOf('caseInsensitive', ['ANN@x.test'])).toEqual([['ann@x.test']]);
  expect(spellingsOf('caseInsensitive', ['INFO@x.test'])).toEqual([['info@x.test'], ['INFO@x.test']]);
  expect(spellingsOf('exact', ['INFO'])).toEqual([['INFO']]);
});
