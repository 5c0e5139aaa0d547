import { expect, test } from 'vitest';
import { unifiedDiff } from '../../config/init/diff.ts';

const NAMES = { before: 'a', after: 'b' };
const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);

test('is empty when the texts are equal', () => {
  expect(unifiedDiff('a\nb', 'a\nb', NAMES)).toBe('');
});

test('shows changes with three lines around them, and joins changes that are near', () => {
  const before = lines(1, 30);
  const after = before.flatMap((line, index) =>
    index === 4 ? [] : index === 9 ? [line, 'new'] : index === 24 ? ['other'] : [line],
  );
  expect(unifiedDiff(before.join('\n'), after.join('\n'), NAMES).split('\n')).toEqual([
    '--- a',
    '+++ b',
    '@@ -2,12 +2,12 @@',
    ...lines(2, 4).map((line) => ` ${line}`),
    '-line 5',
    ...lines(6, 10).map((line) => ` ${line}`),
    '+new',
    ...lines(11, 13).map((line) => ` ${line}`),
    '@@ -22,7 +22,7 @@',
    ...lines(22, 24).map((line) => ` ${line}`),
    '-line 25',
    '+other',
    ...lines(26, 28).map((line) => ` ${line}`),
  ]);
});
