import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KeyPattern, keyOf, readPattern } from '../../../connectors/files/keys/key-pattern.ts';
import type { IdentityTypes } from '../../../domain/identity.ts';

const TYPES: IdentityTypes = {
  user_id: { comparison: 'exact', parts: 1 },
  email: { comparison: 'caseInsensitive', parts: 1 },
  ext: { comparison: 'uuid', parts: 1 },
  number: { comparison: 'integer', parts: 1 },
  login: { comparison: 'exact', parts: 2 },
};

function pattern(text: string): KeyPattern {
  const read = readPattern(text, TYPES);
  if ('error' in read) throw new Error(read.error);
  return read.pattern;
}
const key = (text: string, value: string, encode?: 'percent') => keyOf(pattern(text), [value], encode);

test('writes the identity between slashes, so that the key of one subject never begins that of another', () => {
  expect(key('avatars/{user_id}/', 'u-1')).toBe('avatars/u-1/');
  expect(key('avatars/{user_id}/', 'u-10')).toBe('avatars/u-10/');
  expect('avatars/u-10/x'.startsWith(key('avatars/{user_id}/', 'u-1') ?? '')).toBe(false);
  expect(key('invoices/{user_id}.pdf', 'u-1')).toBe('invoices/u-1.pdf');
  expect(key('a/user-{number}/b/', '7')).toBe('a/user-7/b/');
  expect(keyOf(pattern('{login.2}/{login.1}.txt'), ['ann', 'berlin'])).toBe('berlin/ann.txt');
});

test.each([
  ['a parent', '..'],
  ['the same folder', '.'],
  ['a way out', '../u-2'],
  ['a folder of another', 'u-2/x'],
  ['a slash alone', '/'],
  ['nothing', ''],
  ['a zero byte', 'u-1\u0000'],
  ['a line break', 'u-1\nu-2'],
  ['half a letter', 'u-\ud800'],
])('does not form a key of an identity that is %s', (_what, value) => {
  for (const text of ['avatars/{user_id}/', 'avatars/{user_id}']) expect(key(text, value)).toBeNull();
});

test('does not form a key that the text around an identity makes a parent', () => {
  expect(key('a/.{user_id}/', '.')).toBeNull();
  expect(key('a/.{user_id}/', 'x')).toBe('a/.x/');
});

test('writes an encoded identity as one name, also if it is dots or has a slash', () => {
  expect(key('a/{user_id}/', '../u-2', 'percent')).toBe('a/..%2Fu-2/');
  expect(key('a/{user_id}/', '..', 'percent')).toBe('a/%2E%2E/');
  expect(key('a/{user_id}/', '%2E%2E', 'percent')).toBe('a/%252E%252E/');
  expect(key('a/{user_id}/', '', 'percent')).toBeNull();
});

test('changes the letters of an identity only where every system changes them alike', () => {
  expect(key('a/{email:lower}/', 'Ann@X.test')).toBe('a/ann@x.test/');
  expect(key('a/{email:upper}/', 'Ann@x.test')).toBe('a/ANN@X.TEST/');
  expect(key('a/{email:lower}/', 'ann-ü@x.test')).toBe('a/ann-ü@x.test/');
  expect(key('a/{email:lower}/', 'Ä@x.test')).toBeNull();
  expect(key('a/{email:lower}/', '\u212A@x.test')).toBeNull();
});

test.each([
  ['', 'must not be empty'],
  ['/avatars/{user_id}/', 'begin with a slash'],
  ['avatars//{user_id}/', 'two slashes'],
  ['avatars/../{user_id}/', 'must not have . or ..'],
  ['avatars/', 'must have a placeholder'],
  ['avatars/{user_id}-{number}/', 'at most one placeholder'],
  ['avatars/{user_id/', 'at most one placeholder'],
  ['{user_id}/{number}/', 'placeholders of one identity type'],
  ['avatars/{nick}/', 'which is not under identities'],
  ['avatars/{login.1}/', 'must have every value of login'],
  ['avatars/{login.3}/', 'names more values than login has'],
  ['avatars/{email}/', 'needs {email:lower} or {email:upper}'],
  ['avatars/{user_id:lower}/', 'must not change the letters of user_id'],
])('refuses the pattern %j', (text, message) => {
  expect(readPattern(text, TYPES)).toEqual({ error: expect.stringContaining(message) as string });
});

test('gives two identities keys of which none contains the other', () => {
  const texts = ['{user_id}/', 'a/{user_id}/b/', 'a/x{user_id}y/', '{user_id}', 'a/{user_id}.pdf'];
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[./%u1-]{0,5}$/));
  fc.assert(
    fc.property(
      value,
      value,
      fc.constantFrom(...texts),
      fc.constantFrom(undefined, 'percent' as const),
      (a, b, text, encode) => {
        if (a === b) return;
        const [one, other] = [key(text, a, encode), key(text, b, encode)];
        if (one === null || other === null) return;
        expect(one).not.toBe(other);
        expect(text.endsWith('/') && (one.startsWith(other) || other.startsWith(one))).toBe(false);
        expect(one.split('/').length).toBe(text.split('/').length);
        for (const name of one.split('/').slice(0, -1)) expect(['', '.', '..']).not.toContain(name);
      },
    ),
    { numRuns: 2_000 },
  );
});
